"""Random effects: what estimates of several settings have in common, and by how much the settings truly differ.

Model. Estimate i of k is y_i = x_i·β + u_i + e_i. What the settings truly differ by, u_i, has the standard deviation τ
in common; the errors e_i are known up to a factor φ of their variances in common, which the scatter tells, as in
Hartung & Knapp (2001, "A refined method for the meta-analysis of controlled clinical trials"). τ and φ are integrated
over, weighted by the restricted likelihood and their priors, of which that of τ gives one half to τ = 0 (Gronau et al.
2021, "A primer on Bayesian model-averaged meta-analysis"), so that few settings neither pass for equal nor for unlike.
Whether τ may be 0 is tested by Cochran's Q (1954, "The combination of estimates from different experiments"). Errors
that settings share do not average out: they widen the errors of β, and weigh no setting.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import special

from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.table import FloatArray

MAX_P_VALUE: Final = 0.05  # of Q, below which settings are said to differ
SPREADS: Final = np.concatenate([[0.0], np.geomspace(0.05, 20.0, 24)])  # τ, in units of what is typical
SOME: Final = np.gradient(SPREADS) * np.exp(-(SPREADS**2) / 2) * (SPREADS > 0)  # half-normal, where there is a spread
PRIOR: Final = np.log(np.where(SPREADS > 0, SOME / SOME.sum(), 1.0))  # as probable as none
FACTORS: Final = np.linspace(-3.6, 0.4, 9)  # ln φ: cautious errors are rather too wide than too narrow ...
FACTOR_PRIOR: Final = (-1.0, 1.0)  # ... with mean and standard deviation of its prior
FACTOR_DOUBT: Final = 0.3  # of ln φ, between errors of best learning rates and of exponents
LEAST_SHARED: Final = 0.3  # factor of the shared errors, which no scatter tells
NORMAL: Final = 1e6  # degrees of freedom


@dataclass(frozen=True)
class Errors:
    """What is known of the errors of k estimates.

    Attributes:
        own: (k,) standard errors, > 0.
        shared: (k, k) covariance of the errors, 0 on the diagonal.
        stated: (k,) standard errors as the estimates state them, where those are wider than `own`.
    """

    own: FloatArray
    shared: FloatArray
    stated: FloatArray | None = None


@dataclass(frozen=True)
class RandomEffects:
    """What k estimates have in common.

    Attributes:
        coefficients: β, one for each column of x.
        tau: standard deviation of what the settings truly differ by, the columns apart; its mean over the posterior.
        q: Cochran's Q, the scatter about β in units of the errors as stated: to say that settings differ needs more.
        freedom: k less the number of columns: what Q is on average if τ = 0.
        p_value: probability of a Q as large if τ = 0; 1 without degrees of freedom.
        factor: φ; its geometric mean over the posterior.
    """

    coefficients: tuple[Estimate, ...]
    tau: float
    q: float
    freedom: int
    p_value: float
    factor: float

    def for_another(self) -> Estimate:
        """Return what the mean tells of a setting that was not tried, of a fit of the mean alone."""
        mean = self.coefficients[0]
        return Estimate(mean.value, float(np.hypot(mean.standard_error, self.tau)), mean.degrees_of_freedom)

    def describe(self) -> str:
        """Return in words whether the estimates have one value in common."""
        settings = f"{self.freedom + 1} settings"
        if self.p_value >= MAX_P_VALUE:
            return (
                f"nothing tells the {settings} apart (Q = {self.q:.1f}, p = {self.p_value:.2g}, tau = {self.tau:.2f})"
            )
        low, high = self.for_another().interval()
        return (
            f"the {settings} differ (Q = {self.q:.1f}, p = {self.p_value:.2g}, tau = {self.tau:.2f}): "
            f"expect {low:.2f} to {high:.2f} in another one"
        )

    def to_dict(self) -> dict[str, Any]:
        """As JSON: whether the settings differ, and what to expect of another one."""
        return {
            "settings": self.freedom + 1,
            "tau": self.tau,
            "q": self.q,
            "degrees_of_freedom": self.freedom,
            "p_value": self.p_value,
            "another_setting": list(self.for_another().interval()),
        }


def fit(
    y: FloatArray,
    errors: Errors,
    x: FloatArray | None = None,
    *,
    typical: float,
    log_factor: tuple[float, float] = FACTOR_PRIOR,
) -> RandomEffects:
    """Fit β, τ and φ.

    Args:
        y: (k,) the estimates.
        errors: theirs.
        x: (k, c) columns, linearly independent; by default 1, for the mean alone.
        typical: standard deviation of the half-normal prior of a τ > 0, in the units of y.
        log_factor: mean and standard deviation of ln φ, as far as it is known before.
    """
    columns = np.ones((len(y), 1)) if x is None else x
    log_phi, tau = (axis.ravel() for axis in np.meshgrid(FACTORS, typical * SPREADS, indexing="ij"))
    weight = 1 / (np.exp(log_phi)[:, None] * errors.own**2 + tau[:, None] ** 2)  # (T, k)
    information = np.einsum("tk,ki,kj->tij", weight, columns, columns)
    covariance = np.linalg.inv(information)
    pull = np.einsum("tij,tk,kj->tik", covariance, weight, columns)  # β = pull y
    beta = pull @ y
    chi_square = (weight * (y - beta @ columns.T) ** 2).sum(axis=1)
    likelihood = (np.log(weight).sum(axis=1) - np.linalg.slogdet(information)[1] - chi_square) / 2
    prior = -(((log_phi - log_factor[0]) / log_factor[1]) ** 2) / 2
    weights = special.softmax(likelihood + prior + np.resize(PRIOR, len(tau)))
    shared = np.clip(np.exp(log_phi), LEAST_SHARED, 1.0)[:, None] * np.einsum("tik,tik->ti", pull @ errors.shared, pull)
    spread = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2) + np.maximum(shared, 0.0))
    stated = errors.own if errors.stated is None else errors.stated
    freedom, q = len(y) - columns.shape[1], _cochran(y, stated, columns)
    return RandomEffects(
        coefficients=tuple(_mixture(weights, beta[:, i], spread[:, i]) for i in range(columns.shape[1])),
        tau=float(weights @ tau),
        q=q,
        freedom=freedom,
        p_value=float(special.chdtrc(freedom, q)) if freedom else 1.0,
        factor=float(np.exp(weights @ log_phi)),
    )


def log_factor_of(chi_square: float, freedom: int) -> tuple[float, float]:
    """Return mean and standard deviation of ln φ, of its prior and of a χ² that is φ times one with these degrees."""
    if freedom < 1:
        return FACTOR_PRIOR
    before, told = FACTOR_PRIOR[1] ** -2, 1 / (2 / freedom + FACTOR_DOUBT**2)
    seen = np.log(max(chi_square / freedom, 1e-3))
    return float((FACTOR_PRIOR[0] * before + seen * told) / (before + told)), float((before + told) ** -0.5)


def _mixture(weights: FloatArray, means: FloatArray, errors: FloatArray) -> Estimate:
    """Return the estimate whose 95 % interval holds 95 % of a mixture of normal distributions."""
    mean = float(weights @ means)
    low, high = 0.0, 10 * float(np.sqrt(weights @ (errors**2 + (means - mean) ** 2)))
    for _ in range(40):
        half = (low + high) / 2
        inside = special.ndtr((mean + half - means) / errors) - special.ndtr((mean - half - means) / errors)
        low, high = (half, high) if weights @ inside < 0.95 else (low, half)
    return Estimate(mean, high / Estimate(0.0, 1.0, NORMAL).half_width(), NORMAL)


def _cochran(y: FloatArray, error: FloatArray, columns: FloatArray) -> float:
    """Return Σ (residual/error)² about the weighted least squares of all columns."""
    beta = np.linalg.lstsq(columns / error[:, None], y / error)[0]
    return float((((y - columns @ beta) / error) ** 2).sum())


@dataclass(frozen=True)
class TwoWay:
    """Estimates (S, m) of settings and batch sizes, as a level of each setting and an effect of each batch size.

    Attributes:
        effects: (m,) of the batch sizes, about the mean level.
        errors: (m,) standard errors of their differences: what they have in common is left out.
        tau: standard deviation of what an estimate truly differs from level and effect by; its mean over the posterior.
    """

    effects: FloatArray
    errors: FloatArray
    tau: float


def fit_two_way(y: FloatArray, error: FloatArray, *, typical: float) -> TwoWay | None:
    """Fit levels and effects; None if missing estimates leave batch sizes that no setting links.

    Args:
        y, error: (S, m) the estimates and their independent standard errors, NaN where there is none.
        typical: standard deviation of the half-normal prior of τ.
    """
    known = np.isfinite(y)
    y, variance = np.where(known, y, 0.0), np.where(known, error**2, 1.0)
    taus = typical * SPREADS
    weight = known / (variance + taus[:, None, None] ** 2)  # (T, S, m)
    of_setting = weight.sum(axis=2)
    mean = (weight * y).sum(axis=2) / of_setting
    information = np.einsum("tsm,mn->tmn", weight, np.eye(y.shape[1]))
    information -= np.einsum("tsm,tsn,ts->tmn", weight, weight, 1 / of_setting)
    sizes = np.linalg.eigvalsh(information)[:, 1:]
    if (sizes[:, 0] < 1e-9 * sizes[:, -1]).any():
        return None
    right = (weight * (y - mean[:, :, None])).sum(axis=1)
    effect = np.einsum("tmn,tn->tm", np.linalg.pinv(information, rcond=1e-10, hermitian=True), right)
    level = (weight * (y - effect[:, None, :])).sum(axis=2) / of_setting
    q = (weight * (y - level[:, :, None] - effect[:, None, :]) ** 2).sum(axis=(1, 2))
    size = np.log(weight, where=weight > 0, out=np.zeros_like(weight)).sum(axis=(1, 2))
    log_likelihood = (size - np.log(of_setting).sum(axis=1) - np.log(sizes).sum(axis=1) - q) / 2
    weights = special.softmax(log_likelihood + PRIOR)
    found = weights @ effect
    share = y.shape[1] / (y.shape[1] - 1)  # so that differences of equally known effects have the errors they have
    variances = 1 / (share * np.diagonal(information, axis1=1, axis2=2)) + (effect - found) ** 2
    return TwoWay(found + float(weights @ level.mean(axis=1)), np.sqrt(weights @ variances), float(weights @ taus))
