"""Random effects: what many estimates of unequal precision have in common, and by how much they truly differ.

Model. Estimate i of k is y_i = x_i·β + u_i + e_i, where e_i has the standard error of the estimate and u_i, what the
settings truly differ by, has the standard deviation τ in common. τ is integrated over, weighted by the restricted
likelihood and a half-normal prior (Röver 2020, "Bayesian random-effects meta-analysis"), so that few settings do not
pass for equal ones. The errors are taken for wrong by a factor in common, which the scatter tells (Knapp & Hartung
2003, "Improved tests for a random effects meta-regression"), drawn towards 1 with `PRIOR_FREEDOM`: two settings cannot
tell it. Whether τ may be 0 is tested by Cochran's Q (1954, "The combination of estimates from different experiments").
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import special

from lrlab.scaling.estimate import Estimate
from lrlab.scaling.table import FloatArray

PRIOR_FREEDOM: Final = 8.0
MAX_P_VALUE: Final = 0.05  # of Q, below which settings are said to differ
SPREADS: Final = np.concatenate([[0.0], np.geomspace(0.05, 20.0, 48)])  # τ, in units of its prior


@dataclass(frozen=True)
class RandomEffects:
    """What k estimates have in common.

    Attributes:
        coefficients: β, one for each column of x.
        tau: standard deviation of what the settings truly differ by, the columns apart; its mean over the posterior.
        q: Cochran's Q, the scatter about β in units of the errors.
        freedom: k less the number of columns: what Q is on average if τ = 0.
        p_value: probability of a Q as large if τ = 0; 1 without degrees of freedom.
    """

    coefficients: tuple[Estimate, ...]
    tau: float
    q: float
    freedom: int
    p_value: float

    def for_another(self) -> Estimate:
        """Return what the mean tells of a setting that was not tried, of a fit of the mean alone."""
        mean = self.coefficients[0]
        return Estimate(mean.value, float(np.hypot(mean.standard_error, self.tau)), mean.degrees_of_freedom)

    def describe(self) -> str:
        """Return in words whether the estimates have one value in common."""
        settings = f"{self.freedom + 1} settings"
        if self.p_value >= MAX_P_VALUE:
            return f"nothing tells the {settings} apart (Q = {self.q:.1f}, p = {self.p_value:.2g}, tau = {self.tau:.2f})"
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


def fit(y: FloatArray, error: FloatArray, x: FloatArray | None = None, *, typical: float) -> RandomEffects:
    """Fit β and τ.

    Args:
        y, error: (k,) the estimates and their standard errors, > 0.
        x: (k, c) columns, linearly independent; by default 1, for the mean alone.
        typical: standard deviation of the half-normal prior of τ, in the units of y.
    """
    columns = np.ones((len(y), 1)) if x is None else x
    freedom = len(y) - columns.shape[1]
    taus = typical * SPREADS
    weight = 1 / (error**2 + taus[:, None] ** 2)  # (T, k)
    information = np.einsum("tk,ki,kj->tij", weight, columns, columns)
    covariance = np.linalg.inv(information)
    beta = np.einsum("tij,tk,kj->ti", covariance, weight * y, columns)
    q = (weight * (y - beta @ columns.T) ** 2).sum(axis=1)
    posterior = _posterior(np.log(weight).sum(axis=1) - np.linalg.slogdet(information)[1] - q)
    factor = (PRIOR_FREEDOM + q) / (PRIOR_FREEDOM + freedom)
    mean = posterior @ beta
    variances = factor[:, None] * np.diagonal(covariance, axis1=1, axis2=2) + (beta - mean) ** 2
    errors = np.sqrt(posterior @ variances)
    coefficients = tuple(
        Estimate(float(value), float(size), PRIOR_FREEDOM + freedom) for value, size in zip(mean, errors, strict=True)
    )
    p_value = float(special.chdtrc(freedom, q[0])) if freedom else 1.0
    return RandomEffects(coefficients, float(posterior @ taus), float(q[0]), freedom, p_value)


@dataclass(frozen=True)
class TwoWay:
    """Estimates (S, m) of settings and batch sizes, as a level of each setting and an effect of each batch size.

    Attributes:
        effects: m effects of the batch sizes, about the mean level. Their errors are those of their differences: what
            they have in common is left out, as levels drop out of every difference.
        tau: standard deviation of what an estimate truly differs from level and effect by; its mean over the posterior.
    """

    effects: tuple[Estimate, ...]
    tau: float


def fit_two_way(y: FloatArray, error: FloatArray, *, typical: float) -> TwoWay | None:
    """Fit levels and effects; None if missing estimates leave batch sizes that no setting links.

    Args:
        y, error: (S, m) the estimates and their standard errors, NaN where there is none.
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
    posterior = _posterior(size - np.log(of_setting).sum(axis=1) - np.log(sizes).sum(axis=1) - q)
    freedom = int(known.sum()) - len(y) - y.shape[1] + 1
    factor = (PRIOR_FREEDOM + q) / (PRIOR_FREEDOM + freedom)
    found = posterior @ effect
    share = y.shape[1] / (y.shape[1] - 1)  # so that differences of equally known effects have the errors they have
    variances = factor[:, None] / (share * np.diagonal(information, axis1=1, axis2=2)) + (effect - found) ** 2
    errors, height = np.sqrt(posterior @ variances), float(posterior @ level.mean(axis=1))
    effects = tuple(
        Estimate(height + float(value), float(error), PRIOR_FREEDOM + freedom)
        for value, error in zip(found, errors, strict=True)
    )
    return TwoWay(effects, float(posterior @ taus))


def _posterior(twice_log_likelihood: FloatArray) -> FloatArray:
    """Return the weight (T,) of each τ."""
    weights: FloatArray = special.softmax((twice_log_likelihood - SPREADS**2) / 2 + np.log(np.gradient(SPREADS)))
    return weights
