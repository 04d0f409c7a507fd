"""The mean loss at each learning rate of one batch size, and how the choice of the seeds makes it err.

The loss of seed s at ln(lr) = x is taken for

    loss(s, x) = f(x) + level(s) + tilt(s) · (x - x0) + noise,    with a variance of the noise for each x

so that seeds may differ by a level, which moves no optimum, and by a tilt, which does; and that losses may scatter
more at high learning rates. Rates and levels are fitted by weighted least squares (two-way layout), so that cells may
be missing; levels drop out of every difference of means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy import special

from lrlab.scaling_law.table import FloatArray, IntArray, Table

MAX_PRIOR_FREEDOM: Final = 20.0  # of a common variance, where variances are alike
PRIOR_FREEDOM: Final = 4.0  # of a common variance of two, which cannot tell
NOISE_REACH: Final = 0.7  # in ln(lr), over which the variance of a trial is alike
TILT_RATES: Final = 5  # the tilt is measured over so many learning rates nearest to the best, ...
TILT_REACH: Final = 1.1  # ... or over all within this distance in ln(lr)
TILT_OF_ONE_SEED: Final = 2.0  # variance of the tilt over that of a trial, where one seed cannot tell


@dataclass(frozen=True)
class SeedNoise:
    """How the losses err.

    Attributes:
        trial: factor of `SeedMeans.trial_covariance`.
        tilt: variance of a seed's tilt, per ln(lr)², the part included that is the trials'.
        freedom: degrees of freedom behind the tilt.
        trial_tilt: the part that is the trials'.
    """

    trial: float
    tilt: float
    freedom: float
    trial_tilt: float = 0.0


@dataclass(frozen=True)
class SeedMeans:
    """Means over the seeds at R learning rates.

    Attributes:
        log_lr: (R,) distinct ln(lr), in rising order.
        loss: (R,) mean loss.
        trial_covariance: (R, R) of the means for the noise of the trials alone, up to a constant; for trials of
            variance 1 if `noise` is None.
        seeds: S, the repetitions.
        influences: what each seed moves the means (R,) by; they add up to 0. None where no seeds link them.
        noise: as measured; None if no learning rate was repeated.
    """

    log_lr: FloatArray
    loss: FloatArray
    trial_covariance: FloatArray
    seeds: int
    influences: Mapping[str, FloatArray]
    noise: SeedNoise | None

    @property
    def best(self) -> float:
        """Return the learning rate, as ln(lr), of the least mean loss."""
        return float(self.log_lr[self.loss.argmin()])

    def covariance(self, noise: SeedNoise) -> FloatArray:
        """Return the covariance (R, R) of the means, up to a constant."""
        away = self.log_lr - self.best
        tilt = max(noise.tilt - noise.trial_tilt, 0.0) / self.seeds
        tilted: FloatArray = noise.trial * self.trial_covariance + tilt * np.outer(away, away)
        return tilted

    def with_noise_times(self, factor: float) -> "SeedMeans":
        """Return the means with this factor of the variance of their noise."""
        if self.noise is None or self.seeds == 1:
            return self
        noise = replace(
            self.noise, trial=factor, tilt=factor * self.noise.tilt, trial_tilt=factor * self.noise.trial_tilt
        )
        return replace(self, noise=noise)

    @classmethod
    def of(cls, table: Table) -> "SeedMeans":
        """Return the means of the trials of one batch size, all finite."""
        log_lr, rate, seed, linked = _layout(table)
        if not linked:  # every trial is a repetition by itself
            seed = np.arange(len(rate))
        variance = _variances(without_levels(table).loss, rate, log_lr)
        weight = 1 / (np.ones(len(log_lr)) if variance is None else variance)
        if linked:
            loss, covariance, left = _two_way(table.loss, rate, seed, weight)
        else:
            counts = np.bincount(rate)
            loss, covariance = np.bincount(rate, table.loss) / counts, np.diag(1 / (weight * counts))
            left = table.loss - loss[rate]
        seeds = len(np.unique(seed)) if linked else 1
        influences = {}
        if seeds > 1:
            pull = np.zeros((seeds, len(log_lr)))
            np.add.at(pull, (seed, rate), weight[rate] * left)
            influences = dict(zip(map(str, np.unique(table.seed)), pull @ covariance, strict=True))
        noise = None
        if variance is not None:
            away = log_lr - log_lr[loss.argmin()]
            if seeds > 1:
                noise = _tilts(away[rate], left, seed, weight[rate])
            else:  # the trials of one seed show no tilt, those of a seed each have it in their variance
                tilt = TILT_OF_ONE_SEED * float(variance[loss.argmin()]) if linked else 0.0
                noise = SeedNoise(1.0, tilt, len(rate) - 1.0)
        return cls(log_lr, loss, covariance, seeds, influences, noise)


def without_levels(table: Table) -> Table:
    """Return the trials of one batch size with each seed's level taken off its losses.

    The level is the median of what the seed's losses differ by from the medians over the seeds, so that a seed that
    fails at high learning rates keeps its level. The levels are 0 where no seed links the learning rates.
    """
    log_lr, rate, seed, linked = _layout(table)
    if not linked:
        return table
    median = np.array([np.median(table.loss[rate == at]) for at in range(len(log_lr))])
    differs = table.loss - median[rate]
    level = np.array([np.median(differs[seed == label]) for label in range(int(seed.max()) + 1)])
    return replace(table, loss=table.loss - (level - level.mean())[seed])


def with_common_tilt(groups: Sequence[SeedMeans]) -> list[SeedMeans]:
    """Return the means with the tilt of each batch size drawn towards that of all, where it was measured.

    By as much as the batch sizes are alike in it: Smyth (2004), "Linear models and empirical Bayes methods", section 6.
    """
    measured = [means.noise for means in groups if means.noise and means.seeds > 1]
    if not measured:
        return list(groups)
    freedom = np.array([noise.freedom for noise in measured])
    tilt, prior = common_variance(np.array([noise.tilt for noise in measured]), freedom)

    def drawn(means: SeedMeans) -> SeedMeans:
        if not means.noise or means.seeds == 1:
            return means
        own, total = means.noise, means.noise.freedom + prior
        common = (own.tilt * own.freedom + tilt * prior) / total
        return replace(means, noise=replace(own, tilt=common, freedom=min(total, float(freedom.sum()))))

    return [drawn(means) for means in groups]


def common_variance(variance: FloatArray, freedom: FloatArray) -> tuple[float, float]:
    """Return the common variance, and the degrees of freedom with which it speaks for any one.

    The logarithms of variances vary by trigamma(freedom/2) for want of trials; what they vary more they are unlike.
    """
    if len(variance) < 3:
        return float(variance @ freedom / freedom.sum()), PRIOR_FREEDOM
    least = 1e-6 * float(variance.max()) + 1e-300
    log_variance = np.log(np.maximum(variance, least)) - special.psi(freedom / 2) + np.log(freedom / 2)
    unlike = float(log_variance.var(ddof=1) - special.polygamma(1, freedom / 2).mean())
    prior = MAX_PRIOR_FREEDOM if unlike <= 0 else 2 * _inverse_trigamma(unlike)
    prior = min(max(prior, 0.5), MAX_PRIOR_FREEDOM)
    return float(np.exp(log_variance.mean() + special.psi(prior / 2) - np.log(prior / 2))), prior


def _layout(table: Table) -> tuple[FloatArray, IntArray, IntArray, bool]:
    """Return the distinct ln(lr), the place of every trial among them, its seed, and whether the seeds link them."""
    log_lr, rate = np.unique(np.log(table.lr), return_inverse=True)
    seed = np.unique(table.seed, return_inverse=True)[1]
    return log_lr, rate, seed, _are_linked(rate, seed)


def _are_linked(rate: IntArray, seed: IntArray) -> bool:
    """Return whether each learning rate can be reached from the first by way of seeds that tried several of them.

    Only then do differences within seeds tell the means up to one level (Searle 1987, "Linear Models for Unbalanced
    Data", section 5.3).
    """
    reached = np.arange(int(rate.max()) + 1) == 0
    while True:
        met = np.zeros(int(seed.max()) + 1, bool)
        met[seed[reached[rate]]] = True
        wider = np.zeros_like(reached)
        wider[rate[met[seed]]] = True
        if wider.sum() == reached.sum():
            return bool(reached.all())
        reached = wider


def _information(rate: IntArray, seed: IntArray, weight: FloatArray) -> FloatArray:
    """Return what the differences within seeds tell of the means: Σ over seeds of W - W 1 1ᵀ W / 1ᵀ W 1 (R, R)."""
    weights = np.zeros((int(seed.max()) + 1, len(weight)))
    np.add.at(weights, (seed, rate), weight[rate])
    information: FloatArray = np.diag(weights.sum(axis=0)) - weights.T @ (weights / weights.sum(axis=1, keepdims=True))
    return information


def _two_way(
    loss: FloatArray, rate: IntArray, seed: IntArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the means (R,) of a fit of rates and levels, their covariance (R, R), and the residuals (N,)."""
    of_trial = weight[rate]
    of_seed = np.bincount(seed, of_trial)
    mean = np.bincount(seed, of_trial * loss) / of_seed
    covariance = np.linalg.pinv(_information(rate, seed, weight), rcond=1e-12, hermitian=True).astype(np.float64)
    means: FloatArray = covariance @ np.bincount(rate, of_trial * (loss - mean[seed]))
    level = np.bincount(seed, of_trial * (loss - means[rate])) / of_seed
    return means + float(level.mean()), covariance, loss - means[rate] - level[seed]


def _variances(loss: FloatArray, rate: IntArray, log_lr: FloatArray) -> FloatArray | None:
    """Return the variance (R,) of a trial at each learning rate; None if no learning rate was repeated.

    It is that of the trials nearby, by normal weights over `NOISE_REACH`: one learning rate alone has too few.

    Args:
        loss: (N,) without the levels of the seeds.
        rate: (N,) place of the learning rate.
        log_lr: (R,) the learning rates.
    """
    counts = np.bincount(rate)
    if counts.max() < 2:
        return None
    mean: FloatArray = np.bincount(rate, loss) / counts
    near = np.exp(-(((log_lr[:, None] - log_lr) / NOISE_REACH) ** 2) / 2)
    variance: FloatArray = near @ np.bincount(rate, (loss - mean[rate]) ** 2) / (near @ (counts - 1))
    return np.maximum(variance, 1e-6 * float(variance.max()) + 1e-300)


def _tilts(away: FloatArray, left: FloatArray, seed: IntArray, weight: FloatArray) -> SeedNoise | None:
    """Return the variance of the seeds' tilts.

    Args:
        away: (N,) ln(lr) less the best.
        left, weight: (N,) residuals, and 1/variance of the trials.
    """
    reach = max(TILT_REACH, float(np.unique(np.abs(away))[:TILT_RATES][-1]))
    near = np.abs(away) <= reach
    tilts, information = [], []
    for label in np.unique(seed[near]):
        chosen = near & (seed == label)
        w, x, y = weight[chosen], away[chosen], left[chosen]
        x = x - w @ x / w.sum()
        if w @ x**2 > 0:
            information.append(float(w @ x**2))
            tilts.append(float(w @ (x * y)) / information[-1])
    if len(tilts) < 2:
        return SeedNoise(1.0, 0.0, 1.0)
    spread = sum(tilt**2 for tilt in tilts) / (len(tilts) - 1)
    return SeedNoise(1.0, spread, len(tilts) - 1.0, float(np.mean(1 / np.array(information))))


def _inverse_trigamma(value: float) -> float:
    """Return x > 0 with trigamma(x) = value."""
    x = np.geomspace(1e-2, 1e3, 2001)
    return float(np.interp(-value, -special.polygamma(1, x), x))
