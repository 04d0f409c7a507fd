"""Simulated trials of which the best learning rates are known, of forms that the estimator does not assume.

Sizes as measured with a linear softmax on CIFAR-10: the loss rises by 2 to 5 % when the learning rate is off by a
factor 4; it differs by 0.1 to 1 % between seeds, mostly by a level and a tilt of each seed's whole curve.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = np.ndarray
Columns = dict[str, list[Any]]

BATCH_SIZES: Array = 2.0 ** np.arange(5, 12)
LEAST_LOSS = 1.75
RISE = 0.035 / math.log(4) ** 2  # of the loss relative to its least, per ln(lr)², at the smallest batch size


def parabola(u: Array, k: float) -> Array:
    return RISE * k * u**2


def morse(u: Array, k: float) -> Array:
    """Steeper above the best than below: Morse's potential."""
    return RISE / 0.81 * (np.exp(np.minimum(0.9 * math.sqrt(k) * u, 8.0)) - 1) ** 2


def cliff(u: Array, k: float) -> Array:
    """A parabola that from 1.6 times the best rises by several times the loss."""
    return RISE * k * u**2 + 3 * np.maximum(u - 0.5, 0.0) ** 1.5


def vee(u: Array, k: float) -> Array:
    """Two lines, the upper steeper, rounded off within 0.3 of the best."""
    return RISE * k * np.where(u < 0, 1.5, 4.0) * (np.hypot(u, 0.3) - 0.3)


# The loss over its least, relative to that, at u = ln(lr) less ln of the best; its curvature is in proportion to k
FAMILIES: dict[str, Callable[[Array, float], Array]] = {
    "parabola": parabola,
    "morse": morse,
    "cliff": cliff,
    "vee": vee,
}

# The best learning rate at batch sizes B
RULES: dict[str, Callable[[Array], Array]] = {
    "linear": lambda B: 0.01 * (B / 32),
    "square_root": lambda B: 0.01 * (B / 32) ** 0.5,
    "power_0.8": lambda B: 0.01 * (B / 32) ** 0.8,
    "power_0.25": lambda B: 0.01 * (B / 32) ** 0.25,
    "constant": lambda B: np.full(len(B), 0.01),
    "saturating": lambda B: 0.06 / (1 + 256 / B),
    "square_root_saturating": lambda B: 0.06 / np.sqrt(1 + 256 / B),
    "surge": lambda B: 0.06 / (np.sqrt(256 / B) + np.sqrt(B / 256)),
    "capped": lambda B: np.minimum(0.01 * B / 32, 0.08),
    "square_root_capped": lambda B: np.minimum(0.01 * np.sqrt(B / 32), 0.03),
    "rise_then_fall": lambda B: 0.08 * np.minimum(B / 256, 256 / B),
    "zigzag": lambda B: 0.01 * (B / 32) ** 0.7 * np.exp(0.35 * (-1) ** np.arange(len(B))),
}
# Verdicts that are right, beside cannot_tell. A cap among the last batch sizes may be no square-root cap of the list.
RIGHT: dict[str, set[str]] = {
    "linear": {"linear"},
    "square_root": {"square_root"},
    "power_0.8": {"power_law"},
    "power_0.25": {"power_law"},
    "constant": {"constant"},
    "saturating": {"saturating", "flattening"},
    "square_root_saturating": {"square_root_saturating", "flattening"},
    "surge": {"surge"},
    "capped": {"capped", "flattening"},
    "square_root_capped": {"square_root_capped", "flattening", "other"},
    "rise_then_fall": {"other"},
    "zigzag": {"other"},
}


@dataclass(frozen=True)
class Noise:
    """How the losses of a simulated table err.

    Attributes:
        size: standard deviation relative to the least loss.
        level: share of the variance that is common to all learning rates of a seed.
        tilt: share of the variance that is linear in ln(lr), and so moves the optimum of the seed.
        heavy_tails: whether a trial's own error is Student's with three degrees of freedom instead of normal.
        outlier: factor by which the first seed errs more than the others.
        shared: whether a seed has the same level and tilt at every batch size.
    """

    size: float = 0.005
    level: float = 0.4
    tilt: float = 0.4
    heavy_tails: bool = False
    outlier: float = 1.0
    shared: bool = False

    def draw(self, rng: np.random.Generator, u: Array, seed: Array) -> Array:
        """Return the errors (S, R) at u (R,), relative to the least loss.

        Args:
            rng: of the trials and, unless they are shared, of levels and tilts.
            u: ln(lr) less ln of the best.
            seed: (2, S) shared levels and tilts.
        """
        seeds = seed.shape[1]
        levels, tilts = seed if self.shared else rng.standard_normal((2, seeds))
        shape = (seeds, len(u))
        own = rng.standard_t(3, shape) / math.sqrt(3) if self.heavy_tails else rng.standard_normal(shape)
        errors = math.sqrt(1 - self.level - self.tilt) * own
        errors += math.sqrt(self.level) * levels[:, None] + math.sqrt(self.tilt) * np.outer(tilts, u)
        errors[0] *= self.outlier
        return self.size * errors


@dataclass(frozen=True)
class Simulation:
    """Where simulated tables come from.

    Attributes:
        rule: one of `RULES`.
        family: one of `FAMILIES`.
        flattening: c, where the curvature is in proportion to B^-c.
        noise: of the losses.
        seeds: trials of each batch size and learning rate.
        factor: between neighbouring learning rates.
        steps: learning rates on either side of the one nearest to the best.
        common_grid: whether all batch sizes share one grid of learning rates; else each has its own, off centre by up
            to half a step.
        missing: probability that a trial is missing.
        diverges_above: u from which trials diverge.
        batch_sizes: in rising order.
    """

    rule: str = "linear"
    family: str = "parabola"
    flattening: float = 0.0
    noise: Noise = field(default_factory=Noise)
    seeds: int = 3
    factor: float = 2.0
    steps: int = 4
    common_grid: bool = True
    missing: float = 0.0
    diverges_above: float = math.inf
    batch_sizes: tuple[float, ...] = tuple(BATCH_SIZES)

    @property
    def best(self) -> Array:
        """Return the best learning rate of every batch size."""
        return RULES[self.rule](np.array(self.batch_sizes))

    def exponent(self, batch_sizes: list[int]) -> float:
        """Return the slope of the line nearest to the true optima: what the interval of the exponent should cover."""
        known = np.isin(self.batch_sizes, batch_sizes)
        return float(np.polyfit(np.log(np.array(self.batch_sizes)[known]), np.log(self.best[known]), 1)[0])

    def table(self, number: int) -> Columns:
        """Return table number so-and-so."""
        rng = np.random.default_rng(number)
        step, offset, seed = math.log(self.factor), rng.uniform(), rng.standard_normal((2, self.seeds))
        columns: Columns = {"batch_size": [], "lr": [], "seed": [], "loss": []}
        for batch_size, log_best in zip(self.batch_sizes, np.log(self.best), strict=True):
            centre = (round(log_best / step - offset) + offset) * step
            if not self.common_grid:
                centre = log_best + rng.uniform(-0.5, 0.5) * step
            log_lr = centre + step * np.arange(-self.steps, self.steps + 1)
            u = log_lr - log_best
            curve = FAMILIES[self.family](u, (batch_size / self.batch_sizes[0]) ** -self.flattening)
            loss = LEAST_LOSS * (1 + curve + self.noise.draw(rng, u, seed))
            loss[:, u > self.diverges_above] = math.inf
            for number_of_seed, rate in np.argwhere(rng.uniform(size=loss.shape) >= self.missing):
                columns["batch_size"].append(int(batch_size))
                columns["lr"].append(math.exp(log_lr[rate]))
                columns["seed"].append(int(number_of_seed))
                columns["loss"].append(float(loss[number_of_seed, rate]))
        return columns


def edited(columns: Columns, keep: npt.NDArray[np.bool_] | None = None, **changes: Any) -> Columns:
    """Return the rows to keep of a table, some of its columns replaced."""
    kept = np.ones(len(columns["lr"]), bool) if keep is None else keep
    return {name: list(np.asarray(changes.get(name, values))[kept]) for name, values in columns.items()}
