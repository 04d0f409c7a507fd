"""The mean loss at each learning rate of one batch size, and how the choice of the seeds makes it err.

The loss of seed s at ln(lr) = x is taken for

    loss(s, x) = f(x) + level(s) + tilt(s) · (x - x0) + noise

so that seeds may differ by a level, which moves no optimum, and by a tilt, which does. Rates and levels are fitted by
least squares (two-way layout), so that cells may be missing; levels drop out of every difference of means.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import special

from lrlab.analysis.scaling.table import FloatArray, IntArray, Table

PRIOR_FREEDOM: Final = 4.0  # degrees of freedom that the noise of two batch sizes lends to each ...
MAX_PRIOR_FREEDOM: Final = 20.0  # ... and that of many at most
NOISE_RATES: Final = 5  # the noise is measured at so many learning rates nearest to the best, ...
NOISE_REACH: Final = 1.1  # ... or at all within this distance in ln(lr): it grows away from the best


@dataclass(frozen=True)
class SeedNoise:
    """Variances of one trial's loss.

    Attributes:
        trial: of a trial by itself.
        tilt: of a seed's tilt, per ln(lr)², the part included that is the trials'.
        reach: Σ (x - mean)² of the learning rates over which the tilt was measured.
        freedom: degrees of freedom behind them.
    """

    trial: float
    tilt: float
    freedom: float
    reach: float = math.inf


@dataclass(frozen=True)
class SeedMeans:
    """Means over the seeds at R learning rates.

    Attributes:
        log_lr: (R,) distinct ln(lr), in rising order.
        loss: (R,) mean loss.
        unit_covariance: (R, R) of the means for trials of variance 1, up to a constant.
        seeds: S, the repetitions.
        noise: as measured; None if no learning rate was repeated.
    """

    log_lr: FloatArray
    loss: FloatArray
    unit_covariance: FloatArray
    seeds: int
    noise: SeedNoise | None

    @property
    def best(self) -> float:
        """Return the learning rate, as ln(lr), of the least mean loss."""
        return float(self.log_lr[self.loss.argmin()])

    def covariance(self, noise: SeedNoise) -> FloatArray:
        """Return the covariance (R, R) of the means, up to a constant."""
        away = self.log_lr - self.best
        tilt = max(noise.tilt - noise.trial / noise.reach, 0.0) / self.seeds
        tilted: FloatArray = noise.trial * self.unit_covariance + tilt * np.outer(away, away)
        return tilted

    @classmethod
    def of(cls, table: Table) -> "SeedMeans":
        """Return the means of the trials of one batch size, all finite."""
        log_lr, rate, seed, information = _layout(table)
        counts = np.bincount(rate)
        loss: FloatArray
        if information is None:
            seeds, seed = 1, np.zeros_like(seed)
            covariance: FloatArray = np.diag(1 / counts)
            loss = np.bincount(rate, table.loss) / counts
            levels = np.zeros_like(table.loss)
        else:
            of_seed = np.bincount(seed)
            seeds, mean = len(of_seed), np.bincount(seed, table.loss) / of_seed
            covariance = np.linalg.pinv(information, rcond=1e-9, hermitian=True).astype(np.float64)
            loss = covariance @ np.bincount(rate, table.loss - mean[seed])
            level = np.bincount(seed, table.loss - loss[rate]) / of_seed
            loss, levels = loss + float(level.mean()), (level - level.mean())[seed]
        away = log_lr - log_lr[loss.argmin()]
        within = max(NOISE_REACH, float(np.sort(np.abs(away))[:NOISE_RATES][-1]))
        near = np.abs(away[rate]) <= within
        noise = _noise(away[rate[near]], (table.loss - loss[rate] - levels)[near], seed[near])
        return cls(log_lr, loss, covariance, seeds, noise)


def without_levels(table: Table) -> Table:
    """Return the trials of one batch size with each seed's level taken off its losses.

    The level is the median of what the seed's losses differ by from the medians over the seeds, so that a seed that
    fails at high learning rates keeps its level. The levels are 0 where no seed links the learning rates.
    """
    log_lr, rate, seed, information = _layout(table)
    if information is None:
        return table
    median = np.array([np.median(table.loss[rate == at]) for at in range(len(log_lr))])
    differs = table.loss - median[rate]
    level = np.array([np.median(differs[seed == label]) for label in range(int(seed.max()) + 1)])
    return replace(table, loss=table.loss - (level - level.mean())[seed])


def moderated(groups: Sequence[SeedMeans]) -> list[SeedMeans]:
    """Return the means with the noise of each batch size drawn towards that of all, where any was measured.

    By as much as the batch sizes are alike in it: Smyth (2004), "Linear models and empirical Bayes methods", section 6.
    """
    measured = [means.noise for means in groups if means.noise]
    if not measured:
        return list(groups)
    freedom = np.array([noise.freedom for noise in measured])
    trial, trial_prior = _common_variance(np.array([noise.trial for noise in measured]), freedom)
    tilt, tilt_prior = _common_variance(np.array([noise.tilt for noise in measured]), freedom)

    def drawn(noise: SeedNoise | None) -> SeedNoise:
        own = noise or SeedNoise(0.0, 0.0, 0.0, measured[0].reach)
        return SeedNoise(
            trial=(own.trial * own.freedom + trial * trial_prior) / (own.freedom + trial_prior),
            tilt=(own.tilt * own.freedom + tilt * tilt_prior) / (own.freedom + tilt_prior),
            freedom=min(own.freedom + tilt_prior, float(freedom.sum())),
            reach=own.reach,
        )

    return [replace(means, noise=drawn(means.noise)) for means in groups]


def _common_variance(variance: FloatArray, freedom: FloatArray) -> tuple[float, float]:
    """Return the common variance, and the degrees of freedom with which it speaks for any one.

    The logarithms of variances vary by trigamma(freedom/2) for want of trials; what they vary more they are unlike.
    """
    least = 1e-6 * float(variance.max()) + 1e-300
    log_variance = np.log(np.maximum(variance, least)) - special.psi(freedom / 2) + np.log(freedom / 2)
    if len(variance) < 3:
        return float(variance @ freedom / freedom.sum()), PRIOR_FREEDOM
    unlike = float(log_variance.var(ddof=1) - special.polygamma(1, freedom / 2).mean())
    prior = MAX_PRIOR_FREEDOM if unlike <= 0 else _inverse_trigamma(unlike) * 2
    prior = min(max(prior, 0.5), MAX_PRIOR_FREEDOM)
    return float(np.exp(log_variance.mean() + special.psi(prior / 2) - np.log(prior / 2))), prior


def _inverse_trigamma(value: float) -> float:
    """Return x > 0 with trigamma(x) = value."""
    x = np.geomspace(1e-2, 1e3, 2001)
    return float(np.interp(-value, -special.polygamma(1, x), x))


def _layout(table: Table) -> tuple[FloatArray, IntArray, IntArray, FloatArray | None]:
    """Return the distinct ln(lr), every trial's place among them, its seed's number, and what the seeds tell of them.

    That is Σ over seeds of the centring matrices (R, R); None if the seeds do not link all learning rates.
    """
    log_lr, rate = np.unique(np.log(table.lr), return_inverse=True)
    seed = np.unique(table.seed, return_inverse=True)[1]
    counts = np.zeros((int(seed.max()) + 1, len(log_lr)))
    np.add.at(counts, (seed, rate), 1.0)
    shared = counts / counts.sum(axis=1, keepdims=True)
    information: FloatArray = np.diag(counts.sum(axis=0)) - counts.T @ shared
    linked = len(log_lr) == 1 or np.linalg.eigvalsh(information)[1] > 1e-6
    return log_lr, rate, seed, information if linked else None


def _noise(away: FloatArray, left: FloatArray, seed: IntArray) -> SeedNoise | None:
    """Return the variances behind the residuals `left` of trials that lie `away` from the best, in ln(lr).

    The residuals are about means over the seeds, so that each seed's tilt is one about the mean tilt.
    """
    rates = len(np.unique(away))
    seeds = len(np.unique(seed))
    freedom = len(left) - rates - seeds + 1
    if freedom <= 0:
        return None
    if seeds == 1:
        return SeedNoise(float(left @ left) / freedom, 0.0, freedom)
    tilts, reaches = [], []
    for one in np.unique(seed):
        x = away[seed == one] - away[seed == one].mean()
        reaches.append(float(x @ x))
        tilts.append(float(x @ left[seed == one]) / max(reaches[-1], 1e-12))
        left = np.where(seed == one, left - left[seed == one].mean(), left)
        left[seed == one] -= tilts[-1] * x
    trial = float(left @ left) / max(freedom - (seeds - 1), 1)
    return SeedNoise(trial, sum(tilt**2 for tilt in tilts) / (seeds - 1), seeds - 1, float(np.mean(reaches)) or 1.0)
