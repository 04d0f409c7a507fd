"""The known rules of how the best learning rate lr moves with the batch size B.

power law               lr = a B^p: constant (p = 0), square root (1/2; Krizhevsky 2014, arXiv:1404.5997),
                        linear (1; Goyal et al. 2017, arXiv:1706.02677), or another p
saturating              lr = lr_max / (1 + B_knee/B)         (McCandlish et al. 2018, arXiv:1812.06162, section 2.2)
square-root saturating  lr = lr_max / sqrt(1 + B_knee/B)
surge                   lr = 2 lr_max / (sqrt(B_knee/B) + sqrt(B/B_knee))    (Li et al. 2024, arXiv:2405.14578)
capped                  lr = lr_max min(B/B_knee, 1)
square-root capped      lr = lr_max min(sqrt(B/B_knee), 1)
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.table import FloatArray

RuleName = Literal["power_law", "saturating", "square_root_saturating", "surge", "capped", "square_root_capped"]
RULES: Final[tuple[RuleName, ...]] = get_args(RuleName)

EXPONENTS: Final = np.linspace(-0.5, 1.75, 91)
KNEES: Final = np.linspace(0.1, 0.9, 49)  # of ln B_knee, from the smallest (0) to the largest (1) batch size

# ln lr less its level, where d = ln B - ln B_knee
KNEE_SHAPES: Final[dict[RuleName, Callable[[FloatArray], FloatArray]]] = {
    "saturating": lambda d: -np.log1p(np.exp(-d)),
    "square_root_saturating": lambda d: -np.log1p(np.exp(-d)) / 2,
    "surge": lambda d: -np.log(np.cosh(d / 2)),
    "capped": lambda d: np.minimum(d, 0.0),
    "square_root_capped": lambda d: np.minimum(d, 0.0) / 2,
}


@dataclass(frozen=True)
class FittedRule:
    """A rule with a level and one more number.

    Attributes:
        name: of the rule.
        parameter: the exponent p of a power law, else ln B_knee.
        level: of ln lr: ln a, or ln lr_max.
        chi_square: Σ (residual / standard error)².
    """

    name: RuleName
    parameter: float
    level: float
    chi_square: float

    def log_lr(self, log_batch: FloatArray) -> FloatArray:
        """Return ln lr (n,) at ln of n batch sizes."""
        return self.level + shape(self.name, self.parameter, log_batch)


@dataclass(frozen=True)
class RuleFits:
    """One rule at each value of its parameter, the level at its best.

    Attributes:
        name: of the rule.
        parameters: (N,) see `FittedRule`.
        levels: (N,).
        chi_squares: (N,).
        log_evidence: (N,) ln of the likelihood, the level integrated out.
    """

    name: RuleName
    parameters: FloatArray
    levels: FloatArray
    chi_squares: FloatArray
    log_evidence: FloatArray

    @property
    def best(self) -> FittedRule:
        at = int(self.chi_squares.argmin())
        return FittedRule(self.name, float(self.parameters[at]), float(self.levels[at]), float(self.chi_squares[at]))

    @property
    def weights(self) -> FloatArray:
        """Return the probability (N,) of each parameter, if the rule holds."""
        probability = np.exp(self.log_evidence - self.log_evidence.max())
        weights: FloatArray = probability / probability.sum()
        return weights

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the interval of the parameter that holds so much of its probability, equal tails left out."""
        below = np.cumsum(self.weights)
        low, high = np.searchsorted(below, [(1 - level) / 2, (1 + level) / 2])
        return float(self.parameters[low]), float(self.parameters[min(high, len(below) - 1)])


def shape(name: RuleName, parameter: float | FloatArray, log_batch: FloatArray) -> FloatArray:
    """Return ln lr less its level at ln of the batch sizes; parameters (N, 1) give (N, m)."""
    if name == "power_law":
        line: FloatArray = parameter * log_batch
        return line
    return KNEE_SHAPES[name](log_batch - parameter)


def fit(name: RuleName, log_batch: FloatArray, log_lr: FloatArray, error: FloatArray) -> RuleFits:
    """Fit a rule to m optima.

    Args:
        log_batch: (m,) ln of the batch sizes, in rising order.
        log_lr, error: (m,) ln of the best learning rates, and their standard errors.
    """
    low, high = log_batch[0], log_batch[-1]
    parameters = EXPONENTS if name == "power_law" else low + KNEES * (high - low)
    left = log_lr - shape(name, parameters[:, None], log_batch)
    levels, chi_squares, log_evidence = integrate_level(left, error)
    return RuleFits(name, parameters, levels, chi_squares, log_evidence)


def integrate_level(left: FloatArray, error: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the best level, Σ (residual/error)² and ln of the likelihood, integrated over all levels, of N curves.

    Args:
        left: (N, m) optima less the curves.
        error: (m,) or (N, m) standard errors.
    """
    weight = np.broadcast_to(error**-2.0, left.shape)
    level = (left * weight).sum(axis=1) / weight.sum(axis=1)
    chi_square = ((left - level[:, None]) ** 2 * weight).sum(axis=1)
    size = np.log(weight).sum(axis=1) / 2 - np.log(weight.sum(axis=1)) / 2
    return level, chi_square, size - chi_square / 2


def normal_errors(optima: list[Estimate]) -> FloatArray:
    """Return standard errors (m,) whose normal 95 % intervals are those of the optima."""
    normal = Estimate(0.0, 1.0, math.inf).half_width()
    return np.array([optimum.half_width() / normal for optimum in optima])
