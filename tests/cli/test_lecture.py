"""The scoreboard of the lecture."""

import io

from rich.console import Console

from lrlab.cli.lecture import scoreboard
from lrlab.lecture.claims import Claim


def test_the_scoreboard_has_a_row_for_each_claim() -> None:
    file = io.StringIO()
    claims = [Claim("a [b]", "<= 1", "0.5", True), Claim("falls", "down", "up", False)]
    Console(file=file, width=80, markup=False).print(scoreboard(claims))
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in file.getvalue().splitlines() if "│" in line]
    assert rows == [["a [b]", "<= 1", "0.5", "yes"], ["falls", "down", "up", "no"]]
