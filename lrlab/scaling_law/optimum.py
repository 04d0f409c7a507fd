"""The best learning rate at each batch size, with its uncertainty."""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lrlab.scaling_law.compressed_means import MIN_RATES, SAME_RATE, mean_losses
from lrlab.scaling_law.curve_fit import fit
from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.loss_curve import LossCurve
from lrlab.scaling_law.seed_means import without_levels
from lrlab.scaling_law.table import Table

MAX_END_PROBABILITY: Final = 0.05  # that the best learning rate lies at an end of what was tried
EXACT_FREEDOM: Final = 100.0  # degrees of freedom of the misfit, whose size is learned from all batch sizes together


@dataclass(frozen=True)
class Optimum:
    """What is known of the best learning rate at one batch size.

    Attributes:
        batch_size: samples per update.
        curve: loss against learning rate; None if too few learning rates can be used.
        log_lr: ln of the best learning rate, with what seeds and misfit leave open; None without a curve.
        seeds: how many seeds were tried.
        diverged: how many trials diverged.
        problem: why no conclusion may rest on it; empty if it may.
    """

    batch_size: int
    curve: LossCurve | None
    log_lr: Estimate | None
    seeds: int
    diverged: int
    problem: str

    @property
    def is_bracketed(self) -> bool:
        return not self.problem

    def to_dict(self) -> dict[str, Any]:
        return {
            "batch_size": self.batch_size,
            "best_lr": math.exp(self.log_lr.value) if self.log_lr else None,
            "best_lr_ci": [math.exp(end) for end in self.log_lr.interval()] if self.log_lr else None,
            "loss": self.curve.level if self.curve else None,
            "seeds": self.seeds,
            "bracketed": self.is_bracketed,
            "diverged": self.diverged,
            "problems": [self.problem] if self.problem else [],
        }


def best_lrs(table: Table, draws: int, rng_seed: int) -> tuple[Optimum, ...]:
    """Return the optimum of every batch size of the table, in rising order of batch size."""
    tables = [table.at(batch_size) for batch_size in np.unique(table.batch_size)]
    curves = fit(tables, draws, np.random.default_rng(rng_seed))
    return tuple(map(assessed, tables, curves))


def estimate(curve: LossCurve) -> Estimate:
    """Return ln of the best learning rate: mean and standard deviation over the drawn curves.

    The part of the variance that is the seeds' has their degrees of freedom (Satterthwaite 1946).
    """
    step = float(curve.log_lr[1] - curve.log_lr[0])
    variance = float(curve.optima.var()) + step**2 / 12
    noise = min(curve.noise_variance, variance)
    freedom = variance**2 / (noise**2 / curve.freedom + (variance - noise) ** 2 / EXACT_FREEDOM)
    return Estimate(curve.centre, math.sqrt(variance), freedom, noise, curve.seed_shifts)


def assessed(part: Table, curve: LossCurve | None) -> Optimum:
    """Return the optimum of the trials of one batch size, and whether a conclusion may rest on it."""
    diverged = int((~np.isfinite(part.loss)).sum())
    problem = _beyond(part, curve) if curve else _too_few(part)
    log_lr = estimate(curve) if curve else None
    seeds = len(np.unique(part.seed))
    return Optimum(int(part.batch_size[0]), curve, log_lr, seeds, diverged, problem)


def _too_few(part: Table) -> str:
    """Return how many learning rates can be used, and which are wanted."""
    diverged = ~np.isfinite(part.loss)
    safe = part.rows(~np.isin(part.lr, part.lr[diverged]))
    rates = np.unique(safe.lr)
    lost = " without a diverged trial" if diverged.any() else ""
    count = f"{len(rates)} learning rates were tried{lost}, {MIN_RATES} are needed"
    if not len(rates):
        return f"{count}: try some below {part.lr.min():.3g}"
    log_lr, loss = mean_losses(without_levels(safe))
    return f"{count}: try {MIN_RATES - len(rates)} more around {math.exp(log_lr[loss.argmin()]):.3g}"


def _beyond(part: Table, curve: LossCurve) -> str:
    """Return at which ends of the curve the best learning rate may lie, and what would tell; empty if at none.

    The curve covers learning rates near the least mean loss alone, so that others may have been tried beyond its ends.
    """
    said = []
    for end, words, furthest in ((0, "below", part.lr.min()), (-1, "above", part.lr.max())):
        probability, rate = curve.probability_at(end), math.exp(curve.rates[end])
        if probability > MAX_END_PROBABILITY:
            if abs(math.log(rate / furthest)) <= SAME_RATE:
                wanted = f"the {'lowest' if end == 0 else 'highest'} that was tried: try some {words} it"
            else:
                wanted = f"though some to {furthest:.3g} were tried: try more, or more seeds, about {rate:.3g}"
            said.append(f"the best learning rate may lie {words} {rate:.3g} (probability {probability:.2f}), {wanted}")
    return "; ".join(said)
