"""The power law: best learning rate ~ batch size ^ p."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lrlab.analysis.scaling.estimate import Estimate, weighted_sum
from lrlab.analysis.scaling.optimum import Optimum
from lrlab.analysis.scaling.table import FloatArray


@dataclass(frozen=True)
class PowerLaw:
    """Least squares line through m optima: ln lr = mean + p (ln B - mean ln B).

    All batch sizes weigh the same. So p is, whatever the true relation, the slope of the line nearest to it in the
    range tried, and its interval holds that slope, since it comes from the noise of each optimum and not from their
    scatter about the line. Weights 1/variance would need variances that are better known than from three seeds.

    Attributes:
        log_batch: (m,) ln of the batch sizes.
        log_lr: m optima, ln of the learning rate.
    """

    log_batch: FloatArray
    log_lr: list[Estimate]

    @classmethod
    def through(cls, optima: Sequence[Optimum]) -> "PowerLaw":
        """The line through those optima whose noise is known."""
        known = [(one.batch_size, one.log_lr) for one in optima if one.log_lr]
        return cls(np.log([batch_size for batch_size, _ in known]), [log_lr for _, log_lr in known])

    @property
    def exponent(self) -> Estimate:
        """p = Σ (ln B - mean) ln lr / Σ (ln B - mean)²."""
        away = self.log_batch - self.log_batch.mean()
        return weighted_sum(away / (away @ away), self.log_lr)

    def at(self, batch_size: float) -> Estimate:
        """ln lr on the line at a batch size, for the line and its band."""
        away = self.log_batch - self.log_batch.mean()
        here = np.log(batch_size) - self.log_batch.mean()
        return weighted_sum(1 / len(away) + here * away / (away @ away), self.log_lr)
