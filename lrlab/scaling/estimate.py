"""A number with its standard error, and an interval that is honest when the standard error rests on few seeds."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from lrlab.scaling.table import FloatArray


@dataclass(frozen=True)
class Estimate:
    """A number that is known up to noise.

    Attributes:
        value: the number.
        standard_error: standard deviation of its noise, in the units of the number.
        degrees_of_freedom: those that the standard error has; few where there are few seeds.
    """

    value: float
    standard_error: float
    degrees_of_freedom: float

    def half_width(self, level: float = 0.95) -> float:
        """Return half the width of the interval: Student's t quantile times the standard error."""
        return float(special.stdtrit(self.degrees_of_freedom, (1 + level) / 2)) * self.standard_error

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the interval that holds the true number with this probability."""
        return self.value - self.half_width(level), self.value + self.half_width(level)


def weighted_sum(weights: FloatArray, estimates: list[Estimate]) -> Estimate:
    """Return the weighted sum of independent estimates, whose noise need not be alike.

    Its degrees of freedom are those of Welch and Satterthwaite, (Σ q)² / Σ(q²/freedom) with q = (weight · standard
    error)² (Satterthwaite 1946, "An approximate distribution of estimates of variance components").
    """
    value = np.array([one.value for one in estimates])
    q = (weights * np.array([one.standard_error for one in estimates])) ** 2
    freedom = np.array([one.degrees_of_freedom for one in estimates])
    return Estimate(
        value=float(weights @ value),
        standard_error=float(np.sqrt(q.sum())),
        degrees_of_freedom=float(q.sum() ** 2 / (q**2 / freedom).sum()),
    )
