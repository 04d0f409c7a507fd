"""The power law: best learning rate lr = a B^p at batch size B."""

from dataclasses import dataclass

import numpy as np

from lrlab.analysis.scaling.estimate import Estimate, weighted_sum
from lrlab.analysis.scaling.table import FloatArray


@dataclass(frozen=True)
class PowerLaw:
    """Least squares line through m optima: ln lr = mean + p (ln B - mean ln B).

    All batch sizes weigh the same. So p is, whatever the true relation, the slope of the line nearest to it in the
    range tried, and its interval holds that slope, since it comes from the noise of each optimum and not from their
    scatter about the line. Weights 1/variance would need variances that are better known than from three seeds.

    Attributes:
        exponent: p.
        log_batch: (m,) ln of the batch sizes.
        optima: m optima, ln of the learning rate.
    """

    exponent: Estimate
    log_batch: FloatArray
    optima: list[Estimate]

    @classmethod
    def fit(cls, log_batch: FloatArray, optima: list[Estimate], exponent: float | None = None) -> "PowerLaw":
        """Return the line nearest to the optima, of any exponent or of a given one.

        The free exponent is p = Σ (ln B - mean) ln lr / Σ (ln B - mean)².
        """
        if exponent is not None:
            return cls(Estimate(exponent, 0.0, np.inf), log_batch, optima)
        away = log_batch - log_batch.mean()
        return cls(weighted_sum(away / (away @ away), optima), log_batch, optima)

    def log_lr(self, log_batch: FloatArray) -> FloatArray:
        """Return ln lr (n,) on the line at ln of n batch sizes."""
        mean = np.mean([one.value for one in self.optima])
        line: FloatArray = mean + self.exponent.value * (log_batch - self.log_batch.mean())
        return line

    def at(self, batch_size: float) -> Estimate:
        """Return ln lr on the line of free exponent at a batch size, for its band."""
        away = self.log_batch - self.log_batch.mean()
        here = np.log(batch_size) - self.log_batch.mean()
        return weighted_sum(1 / len(away) + here * away / (away @ away), self.optima)
