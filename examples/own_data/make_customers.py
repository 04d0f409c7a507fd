"""Write customers.csv: invented customers of an internet provider, and whether each has left."""

import csv
import math
import random
from pathlib import Path

ROWS = 800
HEADER = ("customer", "age", "plan", "region", "months", "gigabytes", "complaints", "left")
PLANS = {"basic": 0.6, "family": -0.4, "business": -0.8}  # how much each plan makes customers leave


def row(number: int, chance: random.Random) -> tuple[object, ...]:
    """Return one customer."""
    plan, region = chance.choice(list(PLANS)), chance.choice(("north", "south", "east", "west"))
    age, months = chance.randint(18, 85), 1 + int(chance.expovariate(1 / 30))
    gigabytes, complaints = round(chance.lognormvariate(4, 0.8), 1), min(9, int(chance.expovariate(1)))
    score = PLANS[plan] + 0.9 * complaints - 0.04 * months - 0.003 * gigabytes
    left = chance.random() < 1 / (1 + math.exp(-score))
    return 10000 + number, age, plan, region, months, gigabytes, complaints, "yes" if left else "no"


if __name__ == "__main__":
    generator = random.Random(0)
    with Path(__file__).with_name("customers.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEADER)
        table.writerows(row(number, generator) for number in range(ROWS))
