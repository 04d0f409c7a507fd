"""Saturation: best learning rate lr = lr_max / (1 + B_noise/B) at batch size B, fitted to m optima of equal weight."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from lrlab.analysis.scaling.table import FloatArray

Interval = tuple[float, float]

SEARCH_MARGIN: Final = math.log(1e3)  # of ln B_noise below and above the batch sizes tried
GRID_POINTS: Final = 4001


@dataclass(frozen=True)
class SaturationRule:
    """lr = lr_max / (1 + B_noise/B): linear far below B_noise, constant far above it."""

    lr_max: float
    batch_noise: float

    def log_lr(self, log_batch: FloatArray) -> FloatArray:
        """Return ln lr (n,) at ln of n batch sizes."""
        return math.log(self.lr_max) - np.log1p(self.batch_noise * np.exp(-log_batch))

    def weights(self, log_batch: FloatArray) -> FloatArray:
        """Return how much each optimum moves ln lr_max and ln B_noise (2, m) of a least squares fit, to first order."""
        share = self.batch_noise / (self.batch_noise + np.exp(log_batch))
        moved: FloatArray = np.linalg.pinv(np.stack([np.ones_like(share), -share], axis=1))
        return moved


class SaturationProfile:
    """Squared residuals of saturation for every B_noise on a grid, ln lr_max at its best each time (a mean)."""

    def __init__(self, log_batch: FloatArray, x: FloatArray) -> None:
        self.log_noise = np.linspace(log_batch.min() - SEARCH_MARGIN, log_batch.max() + SEARCH_MARGIN, GRID_POINTS)
        log_max = x + np.log1p(np.exp(self.log_noise[:, None] - log_batch))  # (GRID_POINTS, m) by each optimum alone
        self.log_max = log_max.mean(axis=1)
        self.squares = ((log_max - self.log_max[:, None]) ** 2).sum(axis=1)
        self.optima = len(x)

    def best(self) -> SaturationRule:
        """Return the saturation nearest to the optima."""
        at = self.squares.argmin()
        return SaturationRule(math.exp(self.log_max[at]), math.exp(self.log_noise[at]))

    def batch_noise(self, half_width: float) -> Interval:
        """Return all B_noise whose squared residuals exceed the least by at most half_width²; an open end is 0 or inf.

        With half_width = t · standard deviation of an optimum this is the 95 % profile likelihood interval.
        """
        inside = self._spare(half_width) >= 0
        low, high = np.exp(self.log_noise[inside][[0, -1]])
        return 0.0 if inside[0] else float(low), math.inf if inside[-1] else float(high)

    def lr_max(self, half_width: float) -> Interval:
        """Return the same for lr_max; without an upper end if B_noise has none."""
        spare = self._spare(half_width)
        inside = spare >= 0
        give = np.sqrt(spare[inside] / self.optima)  # how far ln lr_max may move at this B_noise
        low, high = np.exp(self.log_max[inside] - give).min(), np.exp(self.log_max[inside] + give).max()
        return float(low), math.inf if inside[-1] else float(high)

    def _spare(self, half_width: float) -> FloatArray:
        spare: FloatArray = self.squares.min() + half_width**2 - self.squares
        return spare
