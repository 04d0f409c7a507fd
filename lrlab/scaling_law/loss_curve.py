"""Loss curves of one batch size, drawn from what the trials leave open of it, against ln(lr)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from lrlab.scaling_law.table import FloatArray


@dataclass(frozen=True)
class LossCurve:
    """Curves drawn from what the trials leave open.

    Attributes:
        log_lr: (G,) ln(lr), equally spaced from the first to the last learning rate of the fit.
        losses: (D, G) of D drawn curves, mean over the seeds.
        noise_variance: of the best ln(lr), for the choice of the seeds; the rest of its variance is misfit.
        freedom: degrees of freedom of the noise.
        rates: (R,) ln(lr) of the learning rates in the fit.
        seed_shifts: what each seed shifts the best ln(lr) by, to first order.
    """

    log_lr: FloatArray
    losses: FloatArray
    noise_variance: float
    freedom: float
    rates: FloatArray
    seed_shifts: Mapping[str, float] = field(default_factory=dict)

    @property
    def optima(self) -> FloatArray:
        """Return the best ln(lr) (D,) of every drawn curve."""
        best: FloatArray = self.log_lr[self.losses.argmin(axis=1)]
        return best

    @property
    def centre(self) -> float:
        """Return ln(lr) of the least loss, on average."""
        return float(self.optima.mean())

    @property
    def level(self) -> float:
        """Return the least loss, on average."""
        return float(self.losses.min(axis=1).mean())

    def probability_at(self, end: int) -> float:
        """Return the probability that the least loss lies at the first (0) or the last (-1) learning rate."""
        step = self.log_lr[1] - self.log_lr[0]
        return float((np.abs(self.optima - self.log_lr[end]) < 1.5 * step).mean())

    def loss(self, log_lr: FloatArray) -> FloatArray:
        """Return the loss (N,) at ln(lr) (N,), on average; constant beyond the fit."""
        mean: FloatArray = np.interp(log_lr, self.log_lr, self.losses.mean(axis=0))
        return mean

    def excess_losses(self, log_lr: FloatArray) -> FloatArray:
        """Return what drawn curve d loses at ln(lr) number d (D,) against its least; beyond the fit, at least that."""
        step = self.log_lr[1] - self.log_lr[0]
        place = np.clip((log_lr - self.log_lr[0]) / step, 0, len(self.log_lr) - 1)
        left = np.minimum(place.astype(int), len(self.log_lr) - 2)
        row, part = np.arange(len(self.losses)), place - left
        loss = (1 - part) * self.losses[row, left] + part * self.losses[row, left + 1]
        excess: FloatArray = loss - self.losses.min(axis=1)
        return excess
