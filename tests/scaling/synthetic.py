"""Simulated trials of which the best learning rates are known.

Sizes as measured with a linear softmax on CIFAR-10: the loss rises by 2 to 5 % when the learning rate is off by a
factor 4; it differs by 0.1 to 1 % between seeds, mostly by a level and a tilt of each seed's whole curve.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

BATCH_SIZES = 2 ** np.arange(5, 12)
LR_MAX, BATCH_NOISE = 0.06, 256.0

RULES = {
    "linear": 0.01 * (BATCH_SIZES / 32),
    "square_root": 0.01 * (BATCH_SIZES / 32) ** 0.5,
    "power_0.8": 0.01 * (BATCH_SIZES / 32) ** 0.8,
    "saturating": LR_MAX / (1 + BATCH_NOISE / BATCH_SIZES),
    "flat": np.full(len(BATCH_SIZES), 0.01),
}
VERDICTS = {
    "linear": "linear",
    "square_root": "square_root",
    "power_0.8": "other",
    "saturating": "saturating",
    "flat": "other",
}


def exponent(best: np.ndarray) -> float:
    """Slope of the line nearest to the true optima: what the interval of the exponent should cover."""
    return float(np.polyfit(np.log(BATCH_SIZES), np.log(best), 1)[0])


@dataclass(frozen=True)
class Noise:
    """How the losses of a simulated table err.

    Attributes:
        size: standard deviation relative to the least loss.
        level: share of the variance that is common to all learning rates of a seed.
        tilt: share of the variance that is linear in ln lr, and so moves the optimum of the seed.
    """

    size: float
    level: float = 0.0
    tilt: float = 0.0

    def draw(self, rng: np.random.Generator, t: np.ndarray) -> np.ndarray:
        own = math.sqrt(1 - self.level - self.tilt) * rng.standard_normal(len(t))
        return self.size * (
            own + math.sqrt(self.level) * rng.standard_normal() + math.sqrt(self.tilt) * rng.standard_normal() * t
        )


def table(
    rng: np.random.Generator,
    best: np.ndarray,
    noise: Noise,
    *,
    seeds: int = 3,
    rise: float = 0.035,
    skew: float = 0.0,
    rates: int = 9,
    spacing: float = math.log(2) / 2,
) -> dict[str, list[Any]]:
    """Trials on a grid of learning rates about the optimum of every batch size, off centre by up to half a step.

    `rise` is the relative loss at a factor 4 from the optimum; `skew` tilts the parabola, steeper above it.
    """
    columns: dict[str, list[Any]] = {"batch_size": [], "lr": [], "seed": [], "loss": []}
    for batch_size, lr in zip(BATCH_SIZES, best, strict=True):
        t = (np.arange(rates) - (rates - 1) / 2 + rng.uniform(-0.5, 0.5)) * spacing
        shape = 1 + rise * (t / math.log(4)) ** 2 * (1 + skew * t)
        for seed in range(seeds):
            columns["batch_size"] += [int(batch_size)] * rates
            columns["lr"] += list(lr * np.exp(t))
            columns["seed"] += [seed] * rates
            columns["loss"] += list(1.75 * (shape + noise.draw(rng, t)))
    return columns


def edited(columns: dict[str, list[Any]], keep: np.ndarray, **changes: np.ndarray) -> dict[str, list[Any]]:
    """The rows to keep of a table, some of its columns replaced."""
    return {name: list(np.asarray(changes.get(name, values))[keep]) for name, values in columns.items()}
