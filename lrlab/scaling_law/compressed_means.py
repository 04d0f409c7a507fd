"""The means over the seeds, as the fit of a loss curve sees them: near the best learning rate, and compressed.

An excess over the least mean above k, a few times that at a distance on the side that rises less, becomes
k (1 + ln(excess/k)). What lies far above the optimum, such as a cliff, tells where the optimum is not, but should not
bend the curve near it, nor its noise pass for that of the optimum. A monotone function moves no optimum, and a
multiple or a constant added to the loss changes nothing.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from lrlab.scaling_law.roughness import parabola
from lrlab.scaling_law.seed_means import SeedMeans, SeedNoise, without_levels
from lrlab.scaling_law.table import FloatArray, Table

MIN_RATES: Final = 5
REACH: Final = math.log(5.0)  # learning rates within it of the best are fitted, and the MIN_RATES nearest anyway
COMPRESSION: Final = 4.0  # k, in excesses at the distance NEAR, on the side that rises less
MAX_RATES: Final = 200  # of a batch size, beyond which those that are all but the same are taken for one ...
SAME_RATE: Final = 2 * REACH / 96  # ... within so much in ln(lr): the distance of the points of a drawn curve
NEAR: Final = 1.2  # in ln(lr); also the standard deviation of the weights of the parabola that gives the curvature


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
    def of(cls, table: Table, base: float, scale: float, diverged: float | None) -> "CompressedMeans":
        """Return the means of finite trials.

        Args:
            table: trials of one batch size near the best learning rate.
            base, scale: see above.
            diverged: ln of a learning rate above them at which trials diverged; None if there is none.
        """
        table = without_levels(table)
        means = SeedMeans.of(replace(table, loss=compressed(table.loss - base, scale)))
        z, log_lr = means.loss, means.log_lr
        if diverged is not None:
            z, log_lr = np.append(z, 1.5 * z.max()), np.append(log_lr, diverged)
        x = log_lr - log_lr[0]
        near = np.exp(-(((log_lr - means.best) / NEAR) ** 2) / 2)
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


def near_minimum(table: Table) -> CompressedMeans | None:
    """Return the means near the least; None if they are too few.

    The lowest learning rate above them at which a trial diverged is added, if it is near.
    """
    log_lr, finite = np.log(table.lr), np.isfinite(table.loss)
    diverged = np.unique(log_lr[~finite])
    safe = finite & ~np.isin(log_lr, diverged)
    if len(np.unique(log_lr[safe])) < MIN_RATES:
        return None
    merged = with_fewer_rates(table.rows(safe))
    rates, loss = mean_losses(without_levels(merged))
    best = rates[loss.argmin()]
    within = max(REACH, float(np.sort(np.abs(rates - best))[MIN_RATES - 1]))
    kept = np.abs(np.log(merged.lr) - best) <= within
    above = diverged[(diverged > log_lr[safe].max()) & (diverged <= best + within)]
    return CompressedMeans.of(merged.rows(kept), *base_and_scale(rates, loss), float(above[0]) if len(above) else None)


def with_fewer_rates(table: Table) -> Table:
    """Return the trials of one batch size, at no more learning rates than the curve can tell apart.

    A search draws each learning rate once. Of thousands, those within `SAME_RATE` become repetitions at their geometric
    mean: what they scatter is then the noise, as it is of near replicates in a test for lack of fit (Daniel & Wood
    1971, "Fitting Equations to Data"). A parabola is raised by its curvature times SAME_RATE²/24, everywhere alike,
    and the slope within an interval adds its square times SAME_RATE²/12 to the variance.
    """
    log_lr = np.log(table.lr)
    if len(np.unique(log_lr)) <= MAX_RATES:
        return table
    interval = np.unique(np.floor((log_lr - log_lr.min()) / SAME_RATE), return_inverse=True)[1]
    mean = np.bincount(interval, log_lr) / np.bincount(interval)
    return replace(table, lr=np.exp(mean)[interval])


def base_and_scale(log_lr: FloatArray, loss: FloatArray) -> tuple[float, float]:
    """Return the least mean loss and k, from the mean losses (R,) at ln(lr) (R,); k is > 0.

    The nearest learning rates are never compressed, however far apart they are.
    """
    base, best = float(loss.min()), float(log_lr[loss.argmin()])
    ends = [end for end in np.clip([best - NEAR, best + NEAR], log_lr[0], log_lr[-1]) if abs(end - best) > NEAR / 2]
    rise = min(np.interp(ends, log_lr, loss - base), default=0.0)
    nearest = float(np.ptp(np.sort(loss)[:MIN_RATES]))
    return base, max(COMPRESSION * float(rise), nearest) or 1.0


def compressed(excess: FloatArray, scale: float) -> FloatArray:
    """Return z: the excess up to the scale k, and k (1 + ln(excess/k)) above it."""
    return np.where(excess <= scale, excess, scale * (1 + np.log(np.maximum(excess, scale) / scale)))


def expanded(z: FloatArray, scale: float) -> FloatArray:
    """Return the excess that is compressed to z."""
    return np.where(z <= scale, z, scale * np.exp(np.clip(z / scale - 1, 0.0, 50.0)))


def mean_losses(table: Table) -> tuple[FloatArray, FloatArray]:
    """Return the distinct ln(lr) (R,) of the trials of one batch size, in rising order, and their mean losses (R,)."""
    log_lr, rate = np.unique(np.log(table.lr), return_inverse=True)
    return log_lr, np.bincount(rate, table.loss) / np.bincount(rate)
