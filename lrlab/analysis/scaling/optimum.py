"""The best learning rate at each batch size, with its uncertainty over seeds."""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from lrlab.analysis.scaling.estimate import Estimate
from lrlab.analysis.scaling.loss_curve_fit import LossCurve, best_degree, fit
from lrlab.analysis.scaling.table import Table
from lrlab.analysis.scaling.trial_selection import near_minimum

MIN_SEEDS: Final = 3
DIVERGENCE_EXCLUSION_FACTOR: Final = 2.0  # off the best learning rate: a trial diverged within it forbids a conclusion
BRACKET_SIGMAS: Final = 3.0  # standard errors between a bracketed optimum and the outer learning rates
MIN_ERROR_IN_SPACINGS: Final = 0.01  # spacings of the learning rates: no optimum is known more closely


@dataclass(frozen=True)
class Optimum:
    """What is known of the best learning rate at one batch size.

    Attributes:
        batch_size: samples per update.
        curve: fitted loss curve; None if the loss has no minimum among what was tried.
        log_lr: ln of the best learning rate, with its noise over seeds; None without a curve or with one seed.
        seeds: how many seeds were tried at enough learning rates near the optimum.
        bracketed: whether learning rates clearly below and clearly above the best were tried.
        diverged: how many trials diverged around the best learning rate.
        problems: why no conclusion may rest on it; empty if it may.
    """

    batch_size: int
    curve: LossCurve | None
    log_lr: Estimate | None
    seeds: int
    bracketed: bool
    diverged: int
    problems: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "batch_size": self.batch_size,
            "best_lr": math.exp(self.curve.centre) if self.curve else None,
            "best_lr_ci": [math.exp(end) for end in self.log_lr.interval()] if self.log_lr else None,
            "loss": self.curve.level if self.curve else None,
            "seeds": self.seeds,
            "bracketed": self.bracketed,
            "diverged": self.diverged,
            "problems": list(self.problems),
        }


def best_lrs(table: Table, draws: int, rng_seed: int) -> tuple[Optimum, ...]:
    """Return the optimum of every batch size of the table, in rising order of batch size."""
    rng = np.random.default_rng(rng_seed)
    parts = [table.at(batch_size) for batch_size in np.unique(table.batch_size)]
    groups = [near_minimum(part) for part in parts]
    degree = best_degree([points for points in groups if points])
    curves = [fit(points, degree) if points else None for points in groups]
    estimates = [bootstrap(curve, draws, rng) if curve else None for curve in curves]
    noise = [estimate.standard_error for estimate in estimates if estimate]
    typical = float(np.median(noise)) if noise else 0.0
    return tuple(
        _assessed(part, points.seeds if points else 0, curve, estimate, typical)
        for part, points, curve, estimate in zip(parts, groups, curves, estimates, strict=True)
    )


def bootstrap(curve: LossCurve, draws: int, rng: np.random.Generator) -> Estimate | None:
    """Return ln of the best learning rate, with the spread of `draws` bootstrap fits as its standard error.

    A fit draws n - 1 of the n seeds with replacement, which makes the variance unbiased (Rao & Wu 1988, "Resampling
    inference with complex survey data"); n of n would lose a third of it at n = 3. Seeds are drawn whole: the losses
    of one seed err together at neighbouring learning rates, so that its trials are no independent evidence. The
    n - 1 degrees of freedom make the interval wide enough for so few seeds. None for one seed.
    """
    seeds = len(curve.equations.yy)
    if seeds < 2:
        return None
    counts = rng.multinomial(seeds - 1, np.full(seeds, 1 / seeds), size=draws).astype(np.float64)
    noise = float(np.sqrt(np.mean((curve.bootstrap_optima(counts) - curve.centre) ** 2)))
    finest = MIN_ERROR_IN_SPACINGS * float(np.median(np.diff(curve.rates)))
    return Estimate(curve.centre, max(noise, finest), seeds - 1)


def _assessed(part: Table, seeds: int, curve: LossCurve | None, log_lr: Estimate | None, typical: float) -> Optimum:
    """Return the optimum with what is wrong with it.

    It is bracketed if it lies within the second lowest and second highest learning rate tried, trials that diverged
    included, by `BRACKET_SIGMAS` times its standard error or the `typical` one of this table: few seeds may agree by
    luck.
    """
    problems, bracketed, diverged = [], False, 0
    tried = f"what was tried, {part.lr.min():.3g} to {part.lr.max():.3g}"
    if seeds < MIN_SEEDS:
        problems.append(f"{seeds} seeds were tried at enough learning rates, at least {MIN_SEEDS} are needed")
    if curve is None:
        problems.append(f"the loss has no minimum clearly within {tried}")
    else:
        best = math.exp(curve.centre)
        rates = np.unique(part.lr)
        clear = math.exp(BRACKET_SIGMAS * max(typical, log_lr.standard_error if log_lr else 0.0))
        bracketed = bool(rates[1] <= best / clear and best * clear <= rates[-2])
        lost = part.lr[~np.isfinite(part.loss)]
        diverged = int(
            ((lost >= best / DIVERGENCE_EXCLUSION_FACTOR) & (lost <= best * DIVERGENCE_EXCLUSION_FACTOR)).sum()
        )
        if not bracketed:
            problems.append(f"the best learning rate, {best:.3g}, lies too near to an end of {tried}")
        if diverged:
            problems.append(
                f"{diverged} trials diverged within a factor {DIVERGENCE_EXCLUSION_FACTOR:g} "
                f"of the best learning rate, {best:.3g}"
            )
    return Optimum(int(part.batch_size[0]), curve, log_lr, seeds, bracketed, diverged, tuple(problems))
