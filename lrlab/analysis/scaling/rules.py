"""The rules by which the best learning rate may move with the batch size B, fitted to m optima of equal weight.

power law     lr = a B^p
saturation    lr = lr_max / (1 + B_noise/B)
"""

import math
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from lrlab.analysis.scaling.table import FloatArray

Interval = tuple[float, float]

FAR: Final = math.log(1e3)  # B_noise is searched so far below and above the batch sizes tried, in ln
STEPS: Final = 4001


class Rule(Protocol):
    def log_lr(self, log_batch: FloatArray) -> FloatArray:
        """ln of the best learning rate (m,) at ln of the batch sizes (m,)."""


@dataclass(frozen=True)
class PowerRule:
    """lr = a B^p."""

    a: float
    p: float

    def log_lr(self, log_batch: FloatArray) -> FloatArray:
        return math.log(self.a) + self.p * log_batch


@dataclass(frozen=True)
class SaturationRule:
    """lr = lr_max / (1 + B_noise/B): linear far below B_noise, constant far above it."""

    lr_max: float
    batch_noise: float

    def log_lr(self, log_batch: FloatArray) -> FloatArray:
        return math.log(self.lr_max) - np.log1p(self.batch_noise * np.exp(-log_batch))

    def weights(self, log_batch: FloatArray) -> FloatArray:
        """How much each optimum moves ln lr_max and ln B_noise (2, m) of a least squares fit, to first order."""
        share = self.batch_noise / (self.batch_noise + np.exp(log_batch))
        moved: FloatArray = np.linalg.pinv(np.stack([np.ones_like(share), -share], axis=1))
        return moved


def power(log_batch: FloatArray, x: FloatArray, p: float) -> PowerRule:
    """The power law of exponent p nearest to the optima x = ln lr."""
    return PowerRule(math.exp(np.mean(x - p * log_batch)), p)


def slope(log_batch: FloatArray, x: FloatArray) -> float:
    """The exponent of the power law nearest to the optima."""
    away = log_batch - log_batch.mean()
    return float(away @ x / (away @ away))


class SaturationProfile:
    """Squared residuals of saturation for every B_noise on a grid, ln lr_max at its best each time (a mean)."""

    def __init__(self, log_batch: FloatArray, x: FloatArray) -> None:
        self.log_noise = np.linspace(log_batch.min() - FAR, log_batch.max() + FAR, STEPS)
        log_max = x + np.log1p(np.exp(self.log_noise[:, None] - log_batch))  # (STEPS, m) by each optimum alone
        self.log_max = log_max.mean(axis=1)
        self.squares = ((log_max - self.log_max[:, None]) ** 2).sum(axis=1)
        self.optima = len(x)

    def best(self) -> SaturationRule:
        """The saturation nearest to the optima."""
        at = self.squares.argmin()
        return SaturationRule(math.exp(self.log_max[at]), math.exp(self.log_noise[at]))

    def batch_noise(self, reach: float) -> Interval:
        """All B_noise whose squared residuals exceed the least by at most reach²; an open end is 0 or inf.

        With reach = t · standard deviation of an optimum this is the 95 % profile likelihood interval.
        """
        inside = self._spare(reach) >= 0
        low, high = np.exp(self.log_noise[inside][[0, -1]])
        return 0.0 if inside[0] else float(low), math.inf if inside[-1] else float(high)

    def lr_max(self, reach: float) -> Interval:
        """The same for lr_max; without an upper end if B_noise has none."""
        spare = self._spare(reach)
        inside = spare >= 0
        give = np.sqrt(spare[inside] / self.optima)  # how far ln lr_max may move at this B_noise
        low, high = np.exp(self.log_max[inside] - give).min(), np.exp(self.log_max[inside] + give).max()
        return float(low), math.inf if inside[-1] else float(high)

    def _spare(self, reach: float) -> FloatArray:
        spare: FloatArray = self.squares.min() + reach**2 - self.squares
        return spare
