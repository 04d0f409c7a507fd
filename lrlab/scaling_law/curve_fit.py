"""Fit the loss against the logarithm of the learning rate: what do the trials leave open of it?

The means over the seeds are known up to noise (`seed_means`), the curve between them up to its roughness
(`roughness`). `fit` draws whole curves from what both leave open. The least of each drawn curve is a draw of the best
learning rate, so that its standard error holds the noise of the seeds and the misfit of any assumed form alike, and
an asymmetric curve gives an asymmetric distribution.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from lrlab.scaling_law.compressed_means import CompressedMeans, expanded, near_minimum
from lrlab.scaling_law.loss_curve import LossCurve
from lrlab.scaling_law.roughness import PRIORS, parabola, posterior, restricted_log_likelihood, symmetric_root
from lrlab.scaling_law.seed_means import TILT_OF_ONE_SEED, SeedNoise, common_variance, with_common_tilt
from lrlab.scaling_law.table import FloatArray, IntArray, Table

GRID_POINTS: Final = 97
MIN_WEIGHT: Final = 0.01  # of a prior that is drawn from, unless all have less
MIN_CURVES: Final = 4  # drawn from a prior, or none
TINY: Final = 1e-120  # against any loss; its square is a number still


def fit(
    tables: Sequence[Table], draws: int, rng: np.random.Generator, settings: Sequence[int] | None = None
) -> list[LossCurve | None]:
    """Return the curve of every batch size; None where fewer than `MIN_RATES` learning rates can be used.

    Left out are learning rates at which any trial diverged, since its survivors are the lucky ones; but the lowest of
    them above the best closes the curve there.

    Args:
        tables: trials of one batch size each.
        draws: curves drawn of each.
        rng: of the draws.
        settings: a number for each table, the same for those whose losses err alike; by default all do. Relative
            roughness is learned from all of them together.
    """
    groups = [near_minimum(table) for table in tables]
    usable = [group for group in groups if group]
    if not usable:
        return [None] * len(tables)
    of_table = np.zeros(len(tables), int) if settings is None else np.array(settings)
    labels = np.unique(of_table[[group is not None for group in groups]], return_inverse=True)[1]
    for label in np.unique(labels):
        alike = np.flatnonzero(labels == label)
        means = with_common_tilt([usable[place].means for place in alike])
        for place, of_group in zip(alike, means, strict=True):
            usable[place] = replace(usable[place], means=of_group)
    usable = _with_noise_of_whole_seeds(usable)
    measured = [group.means.noise for group in usable]
    guesses = [] if all(measured) else _noise_of_one_seed(usable, labels)
    noises = [
        [noise] * (len(guesses[0]) if guesses else 1) if noise else guesses[label]
        for noise, label in zip(measured, labels, strict=True)
    ]
    curves = iter(
        _draw(group, weights, of_group, draws, rng)
        for group, weights, of_group in zip(usable, _weights(usable, noises), noises, strict=True)
    )
    return [next(curves) if group else None for group in groups]


def _weights(groups: Sequence[CompressedMeans], noises: Sequence[Sequence[SeedNoise]]) -> FloatArray:
    """Return the weight (G, Q, P) of each noise and prior for each batch size."""
    log_likelihood = []
    for group, of_group in zip(groups, noises, strict=True):
        rough = group.curvature**2 * np.array([prior.covariance(group.x, group.x) for prior in PRIORS])
        noise = np.array([group.noise(one) for one in of_group])
        log_likelihood.append(restricted_log_likelihood(group.z, group.x, rough + noise[:, None]))
    return posterior(np.array(log_likelihood))


def _with_noise_of_whole_seeds(groups: Sequence[CompressedMeans]) -> list[CompressedMeans]:
    """Return the groups with more noise, where the optimum varies more from seed to seed than trials and tilts explain.

    The variance of the optimum as the seeds show it, whatever the losses of one seed have in common (Liang & Zeger
    1986, "Longitudinal data analysis using generalized linear models"), is compared with that of the noise that is
    assumed. Each batch size has few seeds, so that its ratio is drawn towards that of all.
    """
    repeated = [group for group in groups if _is_repeated(group)]
    if not repeated:
        return list(groups)
    weights = _weights(repeated, [[group.means.noise] for group in repeated if group.means.noise])
    priors = [int(of_group[0].argmax()) for of_group in weights]
    ratio = np.array([_variance_ratio(group, prior) for group, prior in zip(repeated, priors, strict=True)])
    freedom = np.array([group.means.seeds - 1.0 for group in repeated])
    common, strength = common_variance(ratio, freedom)
    drawn = iter(np.maximum((ratio * freedom + common * strength) / (freedom + strength), 1.0))
    return [
        replace(group, means=group.means.with_noise_times(float(next(drawn)))) if _is_repeated(group) else group
        for group in groups
    ]


def _is_repeated(group: CompressedMeans) -> bool:
    """Return whether several seeds tell the noise."""
    return bool(group.means.influences) and group.means.noise is not None


def _noise_of_one_seed(groups: Sequence[CompressedMeans], labels: IntArray) -> list[list[SeedNoise]]:
    """Return for each setting a range of noises to weigh against roughness where no learning rate was repeated.

    Third differences of a smooth curve are small, those of noise are not: their median gives the size. The settings
    need not be alike in it.
    """
    sizes = np.array([float(np.median(np.abs(np.diff(group.z, 3)))) / math.sqrt(20) for group in groups])
    least = max(1e-9 * max(float(group.z.max()) for group in groups), TINY)
    size = [max(float(np.median(sizes[labels == label])), least) for label in range(int(labels.max()) + 1)]
    freedom = max(sum(len(group.z) - len(parabola(group.x).T) for group in groups) / 6, 2.0)  # roughness takes half
    factors = np.exp(np.linspace(math.log(0.02), math.log(2.5), 8))
    return [[SeedNoise(v := float(one * f) ** 2, TILT_OF_ONE_SEED * v, freedom) for f in factors] for one in size]


def _draw(
    group: CompressedMeans, weights: FloatArray, noises: Sequence[SeedNoise], draws: int, rng: np.random.Generator
) -> LossCurve:
    """Return about so many curves, from each noise and prior as many as its weight (Q, P) says.

    A curve is drawn from the prior, and the smoother's error about it is added to the mean curve: what a smoother
    makes of a draw errs as what it makes of the trials (conditional simulation: Journel & Huijbregts 1978, "Mining
    Geostatistics", chapter VII).
    """
    grid = np.linspace(0.0, float(group.x[-1]), GRID_POINTS)
    curves, variance, shifts = [], 0.0, dict.fromkeys(group.means.influences, 0.0)
    least = max(MIN_WEIGHT, MIN_CURVES / draws)
    weights = np.where(weights >= min(least, weights.max() / 2), weights, 0.0)
    for (q, p), weight in np.ndenumerate(weights / weights.sum()):
        if weight > 0:
            noise = group.noise(noises[q])
            smoother = _smoother(group, grid, noise, p)
            mean = smoother @ group.z
            count = max(round(draws * weight), 1)
            errors = rng.standard_normal((count, len(group.x))) @ symmetric_root(noise)
            curve, at_rates = _rough(group, grid, count, p, rng)
            curves.append(mean + curve - (at_rates + errors) @ smoother.T)
            response = _response(grid, mean, smoother)
            variance += weight * min(float(response @ noise @ response), float(grid[-1]) ** 2)
            for seed, shift in _shifts(group, response).items():
                shifts[seed] += float(weight) * shift
    z = np.concatenate(curves)
    losses = group.base + expanded(z, group.scale)
    start = group.means.log_lr[0]
    return LossCurve(start + grid, losses, variance, min(n.freedom for n in noises), start + group.x, shifts)


def _variance_ratio(group: CompressedMeans, prior: int) -> float:
    """Return the variance of the optimum over whole seeds, relative to that of the noise assumed."""
    if group.means.noise is None:
        return 1.0
    grid, noise = np.linspace(0.0, float(group.x[-1]), GRID_POINTS), group.noise(group.means.noise)
    smoother = _smoother(group, grid, noise, prior)
    response = _response(grid, smoother @ group.z, smoother)
    moved, seeds = np.array(list(_shifts(group, response).values())), group.means.seeds
    return float(seeds / (seeds - 1) * (moved @ moved) / (response @ noise @ response))


def _smoother(group: CompressedMeans, grid: FloatArray, noise: FloatArray, prior: int) -> FloatArray:
    """Return what takes z to the mean curve (G, R): the best linear unbiased prediction."""
    rough, square = PRIORS[prior], group.curvature**2
    inverse = np.linalg.pinv(square * rough.covariance(group.x, group.x) + noise, rcond=1e-14, hermitian=True)
    columns = parabola(group.x)
    spread = np.linalg.pinv(columns.T @ inverse @ columns, hermitian=True)
    weights = square * rough.covariance(grid, group.x) @ inverse
    smoother: FloatArray = weights + (parabola(grid) - weights @ columns) @ spread @ columns.T @ inverse
    return smoother


def _rough(
    group: CompressedMeans, grid: FloatArray, count: int, prior: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return so many draws of what the curve is beside a parabola, on the grid (count, G) and at the rates."""
    drawn = group.curvature * PRIORS[prior].draw(np.concatenate([grid, group.x]), count, rng)
    return drawn[:, : len(grid)], drawn[:, len(grid) :]


def _response(grid: FloatArray, mean: FloatArray, smoother: FloatArray) -> FloatArray:
    """Return what each z (R,) shifts the least of the mean curve (G,) by: its part in the slope over the curvature."""
    step = grid[1] - grid[0]
    at = min(max(int(mean.argmin()), 1), len(mean) - 2)
    slope = (smoother[at + 1] - smoother[at - 1]) / (2 * step)
    curvature = float(max((mean[at + 1] - 2 * mean[at] + mean[at - 1]) / step**2, 1e-3 * np.ptp(mean), TINY))
    response: FloatArray = -slope / curvature
    return response


def _shifts(group: CompressedMeans, response: FloatArray) -> dict[str, float]:
    """Return what each seed shifts the optimum by, to first order."""
    known = response[: len(group.means.log_lr)]
    return {seed: float(influence @ known) for seed, influence in group.means.influences.items()}
