"""A number with its standard error, and an interval that is honest when the standard error rests on few seeds."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Final

import numpy as np
from scipy import special

from lrlab.scaling_law.table import FloatArray

PRIOR_FREEDOM: Final = 4.0  # with which independence speaks for estimates that share seeds


@dataclass(frozen=True)
class Estimate:
    """A number that is known up to noise.

    Attributes:
        value: the number.
        standard_error: standard deviation of its noise, in the units of the number.
        degrees_of_freedom: those that the standard error has; few where there are few seeds.
        seed_variance: the part of the squared standard error that is the choice of the seeds.
        seed_shifts: what each seed shifts the number by; numbers with the same seeds err together.
    """

    value: float
    standard_error: float
    degrees_of_freedom: float
    seed_variance: float = 0.0
    seed_shifts: Mapping[str, float] = field(default_factory=dict)

    def half_width(self, level: float = 0.95) -> float:
        """Return half the width of the interval: Student's t quantile times the standard error."""
        return float(special.stdtrit(self.degrees_of_freedom, (1 + level) / 2)) * self.standard_error

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the interval that holds the true number with this probability."""
        return self.value - self.half_width(level), self.value + self.half_width(level)


def mean_of(values: Sequence[float]) -> Estimate:
    """Return the mean of two or more independent values, with its error as they show it (Student 1908)."""
    count = len(values)
    return Estimate(fmean(values), stdev(values) / math.sqrt(count), count - 1)


def weighted_sum(weights: FloatArray, estimates: Sequence[Estimate]) -> Estimate:
    """Return the weighted sum of estimates, whose noise need not be alike, and is paired where they share seeds.

    Its degrees of freedom are those of Welch and Satterthwaite, (Σ q)² / Σ(q²/freedom) with q = (weight · standard
    error)² (Satterthwaite 1946, "An approximate distribution of estimates of variance components").
    """
    value = np.array([one.value for one in estimates])
    q = (weights * np.array([one.standard_error for one in estimates])) ** 2
    freedom = np.array([one.degrees_of_freedom for one in estimates])
    seed_variance = float(weights**2 @ np.array([one.seed_variance for one in estimates]))
    shifts: dict[str, float] = defaultdict(float)
    for weight, one in zip(weights, estimates, strict=True):
        for seed, shift in one.seed_shifts.items():
            shifts[seed] += float(weight) * shift
    paired = seed_variance * _variance_ratio(weights, estimates, shifts)
    return Estimate(
        value=float(weights @ value),
        standard_error=float(np.sqrt(max(q.sum() - seed_variance, 0.0) + paired)),
        degrees_of_freedom=float(q.sum() ** 2 / (q**2 / freedom).sum()),
        seed_variance=paired,
        seed_shifts=dict(shifts),
    )


def _variance_ratio(weights: FloatArray, estimates: Sequence[Estimate], shifts: Mapping[str, float]) -> float:
    """Return the variance of the sum over whole seeds (`shifts`), relative to that of independent estimates.

    As S seeds show it with S - 1 degrees of freedom (Liang & Zeger 1986, "Longitudinal data analysis using generalized
    linear models"), drawn towards 1 by `PRIOR_FREEDOM`: that of few seeds is mostly chance.
    """
    apart = sum(
        weight**2 * shift**2
        for weight, one in zip(weights, estimates, strict=True)
        for shift in one.seed_shifts.values()
    )
    if not apart:
        return 1.0
    together, freedom = sum(shift**2 for shift in shifts.values()), len(shifts) - 1
    return float((freedom * together / apart + PRIOR_FREEDOM) / (freedom + PRIOR_FREEDOM))
