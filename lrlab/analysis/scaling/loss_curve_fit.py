"""The loss against the logarithm of the learning rate, near its least value, at one batch size.

Near the optimum the loss is a low polynomial of t = ln(lr) - centre, with a level of its own for each seed:

    loss(seed, lr) = level(seed) + c1 t + c2 t² + c3 t³ + noise        (c3 = 0 at degree 2)

It is fitted by least squares under tricube weights centred on the optimum itself, as in local regression (Cleveland
1979, "Robust locally weighted regression and smoothing scatterplots"). The cubic term takes up that the loss rises
more steeply above the optimum than below it; a parabola would place such an optimum too low.

The fit needs sums over the trials of a seed only (`NormalEquations`), so that drawing seeds again costs nothing but
additions.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from lrlab.analysis.scaling.table import FloatArray
from lrlab.analysis.scaling.trial_selection import Points

MIN_BANDWIDTH: Final = math.log(8.0)  # half the width of the weights, in ln(lr) ...
MIN_RATES_IN_BANDWIDTH: Final = 6  # ... or wider, until they reach so many learning rates
POWERS: Final = np.arange(1, 4)
DEGREES: Final = (2, 3)
MIN_CUBIC_GAIN: Final = 0.05  # relative squared error that the cubic term must save to be worth its noise


@dataclass(frozen=True)
class NormalEquations:
    """Weighted sums over the trials of each of S seeds, less the seed's own mean, of z = (t, t², t³) and the loss y.

    Attributes:
        zz: (S, 3, 3) of z zᵀ.
        zy: (S, 3) of z y.
        yy: (S,) of y².
    """

    zz: FloatArray
    zy: FloatArray
    yy: FloatArray

    def solve(self, counts: FloatArray, degree: int) -> FloatArray:
        """Return the coefficients (R, 3) of R fits, where seed s counts `counts[r, s]` times in fit r."""
        zz = np.einsum("rs,sij->rij", counts, self.zz)[:, :degree, :degree]
        zy = (counts @ self.zy)[:, :degree]
        tiny = 1e-10 * np.trace(zz, axis1=1, axis2=2) + 1e-300  # solvable even if one seed alone leaves gaps
        coefficients = np.zeros((len(counts), len(POWERS)))
        coefficients[:, :degree] = np.linalg.solve(zz + tiny[:, None, None] * np.eye(degree), zy[..., None])[..., 0]
        return coefficients

    def rss(self, coefficients: FloatArray) -> FloatArray:
        """Return the sum of squared residuals (S,) of seed s under the coefficients (S, 3) in row s."""
        explained: FloatArray = 2 * np.einsum("si,si->s", coefficients, self.zy)
        squared: FloatArray = np.einsum("si,sij,sj->s", coefficients, self.zz, coefficients)
        return self.yy - explained + squared


@dataclass(frozen=True)
class LossCurve:
    """A fitted curve with its least value at `centre`.

    Attributes:
        centre: ln(lr) of the least loss.
        level: the loss there, mean over the seeds.
        coefficients: (3,) of t, t², t³ with t = ln(lr) - centre.
        degree: 2 or 3.
        rates: the distinct ln(lr) it was fitted to, in rising order.
        equations: of the fit.
    """

    centre: float
    level: float
    coefficients: FloatArray
    degree: int
    rates: FloatArray
    equations: NormalEquations

    def loss(self, log_lr: FloatArray) -> FloatArray:
        """Return the fitted loss (N,) at ln(lr) (N,), mean over the seeds; meant for the range of `rates`."""
        shape: FloatArray = (log_lr - self.centre)[:, None] ** POWERS @ self.coefficients
        return self.level + shape

    def excess_loss(self, log_lr: float) -> float:
        """Return how much is lost at ln(lr) against the optimum; outside of what was tried, at least how much."""
        way = np.linspace(self.centre, np.clip(log_lr, self.rates[0], self.rates[-1]), 65)
        return float(self.loss(way).max()) - self.level

    def bootstrap_optima(self, counts: FloatArray) -> FloatArray:
        """Return optima ln(lr) (R,) of R samples of the seeds, to first order: slope over curvature at `centre`."""
        slope = self.equations.solve(counts, self.degree)[:, 0]
        optimum: FloatArray = self.centre - slope / (2 * self.coefficients[1])
        return optimum.clip(self.rates[0], self.rates[-1])


def fit(points: Points, degree: int) -> LossCurve | None:
    """Return the curve around its own minimum, searched from the best mean loss; None if there is no minimum near."""
    rates, mean = points.means()
    centre, everyone = float(rates[mean.argmin()]), np.ones((1, points.seeds))
    for _ in range(50):
        equations = normal_equations(points, centre)
        coefficients = equations.solve(everyone, degree)[0]
        t = local_minimum(coefficients)
        if math.isnan(t) or abs(t) < 1e-6:
            break
        centre = min(max(centre + t, float(rates[0])), float(rates[-1]))
    if not abs(t) < 1e-3:
        return None
    shape = (points.log_lr - centre)[:, None] ** POWERS @ coefficients
    level = float(np.average(points.loss - shape, weights=weights(points.log_lr, centre)))
    return LossCurve(centre, level, coefficients, degree, rates, equations)


def normal_equations(points: Points, centre: float) -> NormalEquations:
    """Return the sums for a fit whose weights w are centred on `centre`.

    Least squares with a level for each seed is least squares on what is left of z and y after the seed's weighted mean
    is taken off: Σ w (y - level(s) - c·z)² is least over level(s) at level(s) = mean_s(y - c·z), so that with
    z~ = z - mean_s(z) and y~ = y - mean_s(y) the coefficients solve Σ w z~ z~ᵀ c = Σ w z~ y~, sums over all trials.
    """
    weight = np.eye(points.seeds)[points.seed] * weights(points.log_lr, centre)[:, None]  # (N, S)
    mean = (weight / np.maximum(weight.sum(axis=0), 1e-300)).T  # (S, N)
    z = (points.log_lr - centre)[:, None] ** POWERS
    z, y = z - (mean @ z)[points.seed], points.loss - (mean @ points.loss)[points.seed]
    zz = z[:, :, None] * z[:, None, :]
    return NormalEquations(zz=np.tensordot(weight, zz, axes=(0, 0)), zy=weight.T @ (z * y[:, None]), yy=weight.T @ y**2)


def weights(log_lr: FloatArray, centre: float) -> FloatArray:
    """Return tricube weights (N,): (1 - |t/h|³)³ within h of the centre, else 0."""
    nearest = np.sort(np.abs(np.unique(log_lr) - centre))[:MIN_RATES_IN_BANDWIDTH]
    h = max(MIN_BANDWIDTH, 1.1 * float(nearest[-1]))
    return np.clip(1 - (np.abs(log_lr - centre) / h) ** 3, 0.0, None) ** 3


def local_minimum(coefficients: FloatArray) -> float:
    """Return the t at which c1 t + c2 t² + c3 t³ has slope zero and curvature above zero; NaN if there is none."""
    c1, c2, c3 = coefficients
    root = math.sqrt(max(c2**2 - 3 * c1 * c3, 0.0))
    return -c1 / (c2 + root) if c2 + root > 0 and root > 0 else math.nan


def best_degree(groups: list[Points]) -> int:
    """Return the degree that predicts a left-out seed better, over all batch sizes; ties go to the parabola.

    Leaving out seeds, not trials, is what counts: the losses of one seed at neighbouring learning rates err together.
    """
    gains = []
    for points in groups:
        curve = fit(points, 2)
        if curve is not None and points.seeds > 1:
            others = 1.0 - np.eye(points.seeds)
            error = [curve.equations.rss(curve.equations.solve(others, degree)).sum() for degree in DEGREES]
            least = 1e-16 * curve.equations.yy.sum()  # rounding may leave less than nothing
            parabola, cubic = np.maximum(error, least)
            gains.append(math.log(parabola / cubic))
    return 3 if gains and np.mean(gains) > MIN_CUBIC_GAIN else 2
