"""The power law of one setting among several, and its errors in the parts that settings share and do not share."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from lrlab.scaling_law.analysis import ScalingAnalysis
from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.loss_curve import LossCurve
from lrlab.scaling_law.optimum import Optimum
from lrlab.scaling_law.power_law import PowerLaw
from lrlab.scaling_law.random_effects import Errors
from lrlab.scaling_law.rules import normal_errors
from lrlab.scaling_law.table import FloatArray

# The error of interpolation that one setting is given must hold for any curve. On parabolas, Morse wells, vees and
# cliffs, of two or three learning rates a decade, the exponents err by a third of it.
INTERPOLATION_VARIANCE: Final = 0.12  # of what is given for a setting alone
REACH: Final = 0.25  # of the distance between learning rates, within which optima lie alike among them


@dataclass(frozen=True)
class SettingFit:
    """What a setting contributes.

    Attributes:
        law: the line through its sound optima.
        interpolations: (m,) their standard errors for the interpolation of the loss curve alone.
        step: distance in ln lr between the learning rates about them.
    """

    law: PowerLaw
    interpolation_errors: FloatArray
    step: float

    def parts(self, estimate: Estimate, weights: FloatArray) -> tuple[float, float]:
        """Return the standard errors for noise and for interpolation of a weighted sum (m,) of the optima."""
        return split(estimate, math.sqrt(float(weights**2 @ self.interpolation_errors**2)))

    @property
    def exponent_weights(self) -> FloatArray:
        """Return the weights (m,) of the optima in the exponent."""
        away = self.law.log_batch - self.law.log_batch.mean()
        weights: FloatArray = away / (away @ away)
        return weights

    def level_weights(self, batch_size: float) -> FloatArray:
        """Return the weights (m,) of the optima in the line's ln lr at a batch size."""
        away = math.log(batch_size) - self.law.log_batch.mean()
        weights: FloatArray = 1 / len(self.interpolation_errors) + away * self.exponent_weights
        return weights


def setting_fit(analysis: ScalingAnalysis) -> SettingFit | None:
    """Return what the analysis of a setting contributes; None if it knows too few best learning rates."""
    sound = [(one, one.curve) for one in analysis.optima if one.is_bracketed and one.curve]
    if analysis.power_law is None:
        return None
    interpolation_errors = np.array([interpolation_error(one, curve) for one, curve in sound])
    step = float(np.median(np.concatenate([np.diff(curve.rates) for _, curve in sound])))
    return SettingFit(analysis.power_law, interpolation_errors, step)


def interpolation_error(optimum: Optimum, curve: LossCurve) -> float:
    """Return the standard error of an optimum for the interpolation of its loss curve alone."""
    total = optimum.log_lr.standard_error if optimum.log_lr else 0.0
    return math.sqrt(max(total**2 - curve.noise_variance, 0.0))


def split(estimate: Estimate, interpolation: float) -> tuple[float, float]:
    """Return the standard errors for noise and interpolation, given the latter as one setting has it."""
    total = float(normal_errors([estimate])[0])
    interpolation = min(interpolation, 0.99 * total)
    return math.sqrt(total**2 - interpolation**2), math.sqrt(INTERPOLATION_VARIANCE) * interpolation


def exponent_errors(fits: Sequence[SettingFit]) -> Errors:
    """Return the errors of the exponents of k settings."""
    return _errors(fits, lambda each: each.parts(each.law.exponent, each.exponent_weights))


def level_errors(fits: Sequence[SettingFit], batch_size: float) -> Errors:
    """Return the errors of the lines' ln lr of k settings at a batch size."""
    return _errors(fits, lambda each: each.parts(each.law.at(batch_size), each.level_weights(batch_size)))


def mean_batch_size(fits: Sequence[SettingFit]) -> float:
    """Return the geometric mean of the batch sizes whose optima are known."""
    return float(np.exp(np.mean([each.law.log_batch.mean() for each in fits])))


def scatter(fits: Sequence[SettingFit]) -> tuple[float, int]:
    """Return χ² and degrees of freedom of the optima about lines of the settings and effects of the batch sizes.

    What the settings have in common, such as a bend, is none of it.
    """
    left: dict[float, list[tuple[float, float]]] = {}
    freedom = 0
    for each in fits:
        noise, interpolation = np.array(
            [split(*pair) for pair in zip(each.law.optima, each.interpolation_errors, strict=True)]
        ).T
        for size, one, error in zip(each.law.log_batch, each.law.optima, np.hypot(noise, interpolation), strict=True):
            left.setdefault(float(size), []).append((one.value - each.law.at(math.exp(size)).value, float(error)))
        freedom += len(each.interpolation_errors) - 2
    chi_square = 0.0
    for residual, error in (np.array(pairs).T for pairs in left.values()):
        weight = error**-2.0
        chi_square += float(weight @ (residual - weight @ residual / weight.sum()) ** 2)
    return chi_square, freedom - (len(left) - 2)


def alike(fits: Sequence[SettingFit]) -> FloatArray:
    """Return the correlation (k, k) of the errors of interpolation: near 1 for settings with nearly the same optima."""
    batch_size = mean_batch_size(fits)
    level = np.array([each.law.at(batch_size).value for each in fits])
    reach = REACH * float(np.median([each.step for each in fits]))
    correlation: FloatArray = np.exp(-(((level[:, None] - level) / reach) ** 2) / 2)
    return correlation


def _errors(fits: Sequence[SettingFit], parts: Callable[[SettingFit], tuple[float, float]]) -> Errors:
    noise, interpolation = np.array([parts(each) for each in fits]).T
    shared = (alike(fits) - np.eye(len(fits))) * np.outer(interpolation, interpolation)
    stated = np.hypot(noise, interpolation / math.sqrt(INTERPOLATION_VARIANCE))
    return Errors(np.hypot(noise, interpolation), shared, stated)
