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
from typing import Final

import numpy as np

from lrlab.scaling.table import FloatArray

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


PRIORS: Final = tuple(Roughness(float(alpha), 3) for alpha in GRID) + tuple(
    Roughness(float(alpha), 2) for alpha in GRID[3:]
)


def parabola(x: FloatArray) -> FloatArray:
    """Return the columns 1, x, x² (N, 3)."""
    return np.stack([np.ones_like(x), x, x**2], axis=1)


def restricted_log_likelihood(z: FloatArray, x: FloatArray, covariance: FloatArray) -> float:
    """Return that of z (N,) at x about any parabola, up to a constant."""
    root = np.linalg.cholesky(covariance + 1e-10 * np.diag(covariance).max() * np.eye(len(z)))  # against rounding
    columns, values = np.linalg.solve(root, parabola(x)), np.linalg.solve(root, z)
    q, r = np.linalg.qr(columns)
    left = values - q @ (q.T @ values)
    size = np.log(np.diag(root)).sum() + np.log(np.abs(np.diag(r)) + 1e-300).sum()
    return float(-size - left @ left / 2)


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
