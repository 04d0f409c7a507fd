"""How far from a parabola a loss curve may be between the learning rates that were tried.

Prior. In x = ln(lr) the curve is a parabola, of any coefficients, plus α c Z(x): c is the curvature at the optimum,
Z is white noise integrated `order` times (Wahba 1978, "Improper priors, spline smoothing and the problem of guarding
against model errors in regression"). With order 3 the curvature drifts, with order 2 it jumps, as at a cliff or in a
vee. The relative roughness α and the order are not known. They are learned from all batch sizes together: their
curves are rough alike within a factor of about e^0.7, and each pair (α, order) is weighted by how well it explains
the losses (restricted likelihood: Patterson & Thompson 1971, the parabola integrated out). So curves that are
parabolas get the narrow errors of a parabola, and curves that are not get the error of not knowing their form.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np

from lrlab.scaling_law.table import FloatArray

ALIKE: Final = 0.7  # standard deviation of ln α between batch sizes
GRID: Final = np.exp(np.linspace(math.log(0.03), math.log(12.0), 10))


@dataclass(frozen=True)
class Roughness:
    """One prior on the grid: relative roughness α, in units of ln(lr)^-(order - 3/2), and the order of Z."""

    alpha: float
    order: int

    def covariance(self, s: FloatArray, t: FloatArray) -> FloatArray:
        """Return α² cov(Z(s), Z(t)) (len(s), len(t)) for s, t >= 0."""
        least, apart = np.minimum(s[:, None], t), np.abs(s[:, None] - t)
        if self.order == 2:
            unit: FloatArray = least**3 / 3 + least**2 * apart / 2
        else:
            unit = least**5 / 20 + least**4 * apart / 8 + least**3 * apart**2 / 12
        return self.alpha**2 * unit

    def draw(self, points: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
        """Return draws of α Z (count, N) at points (N,) >= 0."""
        drawn: FloatArray = (
            self.alpha * rng.standard_normal((count, len(points))) @ _unit_root(points.tobytes(), self.order)
        )
        return drawn


@lru_cache(maxsize=256)
def _unit_root(points: bytes, order: int) -> FloatArray:
    """Return the root of the covariance of Z at points, which batch sizes with the same learning rates share."""
    at = np.frombuffer(points)
    return symmetric_root(Roughness(1.0, order).covariance(at, at))


def symmetric_root(covariance: FloatArray) -> FloatArray:
    """Return the symmetric R with R R = covariance (N, N)."""
    variances, directions = np.linalg.eigh(covariance)
    root: FloatArray = directions * np.sqrt(np.maximum(variances, 0.0)) @ directions.T  # rounding leaves some below 0
    return root


PRIORS: Final = tuple(Roughness(float(alpha), 3) for alpha in GRID) + tuple(
    Roughness(float(alpha), 2) for alpha in GRID[3:]
)


def parabola(x: FloatArray) -> FloatArray:
    """Return the columns 1, x, x² (N, 3)."""
    return np.stack([np.ones_like(x), x, x**2], axis=1)


def restricted_log_likelihood(z: FloatArray, x: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return that of z (N,) at x about any parabola, up to a constant, for covariances (..., N, N): shape (...)."""
    largest = np.diagonal(covariance, axis1=-2, axis2=-1).max(axis=-1)[..., None, None]
    root = np.linalg.cholesky(covariance + 1e-10 * largest * np.eye(len(z)))  # against rounding
    whitened = np.linalg.solve(root, np.column_stack([parabola(x), z]))
    columns, values = whitened[..., :3], whitened[..., 3:]
    q, r = np.linalg.qr(columns)
    left = values - q @ (q.swapaxes(-1, -2) @ values)
    size = np.log(np.diagonal(root, axis1=-2, axis2=-1)).sum(axis=-1)
    size = size + np.log(np.abs(np.diagonal(r, axis1=-2, axis2=-1)) + 1e-300).sum(axis=-1)
    likelihood: FloatArray = -size - (left**2).sum(axis=(-2, -1)) / 2
    return likelihood


def posterior(log_likelihood: FloatArray) -> FloatArray:
    """Return the weights (G, Q, P) of noise q and prior p for each of G batch sizes.

    Args:
        log_likelihood: (G, Q, P); the noise is the same for all batch sizes.
    """
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=(1, 2), keepdims=True))
    alike = _alike()
    smoothed = np.log(np.maximum(likelihood @ alike, 1e-300))
    others = smoothed.sum(axis=0) - smoothed
    others = np.exp(others - others.max(axis=(1, 2), keepdims=True))
    weights: FloatArray = likelihood * (others @ alike.T)
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    return weights


def _alike() -> FloatArray:
    """Return the probability (P, P) that a batch size has prior p if the common one is p', column by column."""
    log_alpha, order = np.log([prior.alpha for prior in PRIORS]), np.array([prior.order for prior in PRIORS])
    near: FloatArray = np.exp(-(((log_alpha[:, None] - log_alpha) / ALIKE) ** 2) / 2) * (order[:, None] == order)
    near /= near.sum(axis=0)
    return near
