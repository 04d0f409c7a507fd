"""The loss against the logarithm of the learning rate at one batch size: what the trials leave open of it.

The means over the seeds are known up to noise (`seed_means`), the curve between them up to its roughness
(`roughness`). `fit` draws whole curves from what both leave open. The least of each drawn curve is a draw of the best
learning rate, so that its standard error holds the noise of the seeds and the misfit of any assumed form alike, and
an asymmetric curve gives an asymmetric distribution.

Losses are compressed before the fit, z = k ln(1 + excess/k) with k a few times the excess of the nearest learning
rates: what lies far above the optimum, such as a cliff, tells where the optimum is not, but should not bend the curve
near it, nor its noise pass for that of the optimum. A monotone function moves no optimum, and a multiple or a constant
added to the loss changes nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from lrlab.analysis.scaling.roughness import PRIORS, parabola, posterior, restricted_log_likelihood
from lrlab.analysis.scaling.seed_means import SeedMeans, SeedNoise, moderated, without_levels
from lrlab.analysis.scaling.table import FloatArray, Table

MIN_RATES: Final = 5
REACH: Final = math.log(24.0)  # learning rates within it of the best are fitted, and the MIN_RATES nearest anyway
COMPRESSION: Final = 3.0  # k, in excesses of the fifth best learning rate
GRID_POINTS: Final = 97
MIN_WEIGHT: Final = 0.01  # of a prior that is drawn from, unless all have less
TINY: Final = 1e-120  # against any loss; its square is a number still
TILT_OF_ONE_SEED: Final = 2.0  # variance of the tilt over that of a trial, where one seed cannot tell


@dataclass(frozen=True)
class LossCurve:
    """Curves drawn from what the trials leave open.

    Attributes:
        log_lr: (G,) ln(lr), equally spaced from the first to the last learning rate of the fit.
        losses: (D, G) of D drawn curves, mean over the seeds.
        noise_variance: of the best ln(lr), for the choice of the seeds; the rest of its variance is misfit.
        freedom: degrees of freedom of the noise.
        rates: (R,) ln(lr) of the learning rates in the fit.
    """

    log_lr: FloatArray
    losses: FloatArray
    noise_variance: float
    freedom: float
    rates: FloatArray

    @property
    def optima(self) -> FloatArray:
        """Return the best ln(lr) (D,) of every drawn curve."""
        best: FloatArray = self.log_lr[self.losses.argmin(axis=1)]
        return best

    @property
    def centre(self) -> float:
        """Return ln(lr) of the least loss, on average."""
        return float(self.optima.mean())

    @property
    def level(self) -> float:
        """Return the least loss, on average."""
        return float(self.losses.min(axis=1).mean())

    def probability_at(self, end: int) -> float:
        """Return the probability that the least loss lies at the first (0) or the last (-1) learning rate."""
        step = self.log_lr[1] - self.log_lr[0]
        return float((np.abs(self.optima - self.log_lr[end]) < 1.5 * step).mean())

    def loss(self, log_lr: FloatArray) -> FloatArray:
        """Return the loss (N,) at ln(lr) (N,), on average; constant beyond the fit."""
        mean: FloatArray = np.interp(log_lr, self.log_lr, self.losses.mean(axis=0))
        return mean

    def excess_losses(self, log_lr: FloatArray) -> FloatArray:
        """Return what drawn curve d loses at ln(lr) number d (D,) against its least; beyond the fit, at least that."""
        step = self.log_lr[1] - self.log_lr[0]
        place = np.clip((log_lr - self.log_lr[0]) / step, 0, len(self.log_lr) - 1)
        left = np.minimum(place.astype(int), len(self.log_lr) - 2)
        row, part = np.arange(len(self.losses)), place - left
        loss = (1 - part) * self.losses[row, left] + part * self.losses[row, left + 1]
        excess: FloatArray = loss - self.losses.min(axis=1)
        return excess


@dataclass(frozen=True)
class CompressedMeans:
    """Means over the seeds as the fit sees them.

    Attributes:
        means: of the compressed excess of the losses over the least mean, near the best learning rate.
        x: (R,) ln(lr) less that of the first.
        z: (R,) the means.
        base, scale: the least mean loss, and k of the compression.
        curvature: c, that of a parabola through the nearest learning rates.
        diverged: whether the last learning rate is one at which a trial diverged, its loss a guess.
    """

    means: SeedMeans
    x: FloatArray
    z: FloatArray
    base: float
    scale: float
    curvature: float
    diverged: bool

    @classmethod
    def of(cls, table: Table, diverged: float | None) -> "CompressedMeans":
        """Return the means of finite trials.

        Args:
            table: trials of one batch size near the best learning rate.
            diverged: ln of a learning rate above them at which trials diverged; None if there is none.
        """
        table = without_levels(table)
        loss = mean_losses(table)[1]
        base, scale = float(loss.min()), COMPRESSION * float(np.ptp(np.sort(loss)[:MIN_RATES])) or 1.0
        excess = np.maximum(table.loss - base, -0.9 * scale)
        means = SeedMeans.of(replace(table, loss=scale * np.log1p(excess / scale)))
        z, log_lr = means.loss, means.log_lr
        if diverged is not None:
            z, log_lr = np.append(z, 1.5 * z.max()), np.append(log_lr, diverged)
        x = log_lr - log_lr[0]
        near = np.exp(-(((log_lr - means.best) / 1.2) ** 2) / 2)
        fitted = np.linalg.lstsq(parabola(x) * near[:, None], z * near, rcond=None)[0]
        least = float(np.ptp(z)) / max(float(x[-1]), 1e-9) ** 2  # a flat or falling curve has no curvature of its own
        return cls(means, x, z, base, scale, max(2 * float(fitted[2]), least), diverged is not None)

    def noise(self, noise: SeedNoise) -> FloatArray:
        """Return the covariance (R, R) of z."""
        covariance = self.means.covariance(noise)
        height = float(np.ptp(self.z)) or 1.0
        if self.diverged:
            covariance = np.pad(covariance, (0, 1))
            covariance[-1, -1] = (height / 3) ** 2
        return covariance + np.eye(len(self.z)) * 1e-10 * height**2

    def draw(self, weights: FloatArray, noises: Sequence[SeedNoise], draws: int, rng: np.random.Generator) -> LossCurve:
        """Return about so many curves, from each noise and prior as many as its weight (Q, P) says."""
        grid = np.linspace(0.0, float(self.x[-1]), GRID_POINTS)
        curves, variance = [], 0.0
        weights = np.where(weights >= min(MIN_WEIGHT, weights.max() / 2), weights, 0.0)
        for (q, p), weight in np.ndenumerate(weights / weights.sum()):
            if weight > 0:
                noise = self.noise(noises[q])
                smoother, covariance = self._posterior(grid, noise, p)
                count = max(round(draws * weight), 1)
                mean = smoother @ self.z
                variances, directions = np.linalg.eigh(covariance)
                root = directions * np.sqrt(np.maximum(variances, 0.0))  # rounding leaves some below 0
                curves.append(mean + rng.standard_normal((count, len(grid))) @ root.T)
                variance += weight * _optimum_variance(grid, mean, smoother, noise)
        z = np.concatenate(curves)
        losses = self.base + self.scale * np.expm1(np.minimum(z / self.scale, 50.0))
        start = self.means.log_lr[0]
        return LossCurve(start + grid, losses, variance, min(n.freedom for n in noises), start + self.x)

    def _posterior(self, grid: FloatArray, noise: FloatArray, prior: int) -> tuple[FloatArray, FloatArray]:
        """Return the smoother (G, R) that takes z to the mean curve, and the covariance (G, G) about it."""
        rough, square = PRIORS[prior], self.curvature**2
        here = square * rough.covariance(grid, self.x)
        inverse = np.linalg.pinv(square * rough.covariance(self.x, self.x) + noise, rcond=1e-14, hermitian=True)
        columns, at_grid = parabola(self.x), parabola(grid)
        spread = np.linalg.pinv(columns.T @ inverse @ columns, hermitian=True)
        weights = here @ inverse
        apart = at_grid - weights @ columns
        smoother = weights + apart @ spread @ columns.T @ inverse
        covariance = square * rough.covariance(grid, grid) - weights @ here.T + apart @ spread @ apart.T
        return smoother, covariance


def _optimum_variance(grid: FloatArray, mean: FloatArray, smoother: FloatArray, noise: FloatArray) -> float:
    """Return the variance of the optimum for the noise alone, to first order: that of the slope over curvature²."""
    step = grid[1] - grid[0]
    at = min(max(int(mean.argmin()), 1), len(grid) - 2)
    slope = (smoother[at + 1] - smoother[at - 1]) / (2 * step)
    curvature = float(max((mean[at + 1] - 2 * mean[at] + mean[at - 1]) / step**2, 1e-3 * np.ptp(mean), TINY))
    return min(float(slope @ noise @ slope) / curvature**2, float(grid[-1]) ** 2)


def fit(tables: Sequence[Table], draws: int, rng: np.random.Generator) -> list[LossCurve | None]:
    """Return the curve of every batch size; None where fewer than `MIN_RATES` learning rates can be used.

    Left out are learning rates at which any trial diverged, since its survivors are the lucky ones; but the lowest of
    them above the best closes the curve there.
    """
    groups = [_near_minimum(table) for table in tables]
    usable = [group for group in groups if group]
    if not usable:
        return [None] * len(tables)
    means = moderated([group.means for group in usable])
    usable = [replace(group, means=of_group) for group, of_group in zip(usable, means, strict=True)]
    guesses = _noise_of_one_seed(usable)
    noises = [[group.means.noise] if group.means.noise else guesses for group in usable]
    log_likelihood = np.array(
        [
            [
                [
                    restricted_log_likelihood(
                        group.z, group.x, group.curvature**2 * prior.covariance(group.x, group.x) + covariance
                    )
                    for prior in PRIORS
                ]
                for covariance in map(group.noise, of_group)
            ]
            for group, of_group in zip(usable, noises, strict=True)
        ]
    )
    curves = iter(
        group.draw(weights, of_group, draws, rng)
        for group, weights, of_group in zip(usable, posterior(log_likelihood), noises, strict=True)
    )
    return [next(curves) if group else None for group in groups]


def _near_minimum(table: Table) -> CompressedMeans | None:
    """Return the means near the least; None if they are too few.

    The lowest learning rate above them at which a trial diverged is added, if it is near.
    """
    log_lr, finite = np.log(table.lr), np.isfinite(table.loss)
    diverged = np.unique(log_lr[~finite])
    safe = finite & ~np.isin(log_lr, diverged)
    if len(np.unique(log_lr[safe])) < MIN_RATES:
        return None
    rates, loss = mean_losses(without_levels(table.rows(safe)))
    best = rates[loss.argmin()]
    within = max(REACH, float(np.sort(np.abs(rates - best))[MIN_RATES - 1]))
    kept = safe & (np.abs(log_lr - best) <= within)
    above = diverged[(diverged > log_lr[safe].max()) & (diverged <= best + within)]
    return CompressedMeans.of(table.rows(kept), float(above[0]) if len(above) else None)


def mean_losses(table: Table) -> tuple[FloatArray, FloatArray]:
    """Return the distinct ln(lr) (R,) of the trials of one batch size, in rising order, and their mean losses (R,)."""
    log_lr, rate = np.unique(np.log(table.lr), return_inverse=True)
    return log_lr, np.bincount(rate, table.loss) / np.bincount(rate)


def _noise_of_one_seed(groups: Sequence[CompressedMeans]) -> list[SeedNoise]:
    """Return a range of noises to weigh against roughness where no learning rate was repeated.

    Third differences of a smooth curve are small, those of noise are not: their median gives the size.
    """
    sizes = [float(np.median(np.abs(np.diff(group.z, 3)))) / math.sqrt(20) for group in groups]
    size = max(float(np.median(sizes)), 1e-9 * max(float(group.z.max()) for group in groups), TINY)
    freedom = max(sum(len(group.z) - len(parabola(group.x).T) for group in groups) / 3, 2.0)
    factors = np.exp(np.linspace(math.log(0.02), math.log(2.5), 8))
    return [SeedNoise(v := float(size * f) ** 2, TILT_OF_ONE_SEED * v, freedom) for f in factors]
