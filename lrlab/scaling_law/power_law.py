"""Power law: best learning rate lr = a B^p at batch size B, a line in logarithms, fitted to m optima of equal weight.

Equal weights, although the optima are known unequally well: where no power law is exact the exponent then describes
all batch sizes alike, and does not depend on which of them happens to be known best.
"""

from dataclasses import dataclass

import numpy as np

from lrlab.scaling_law.estimate import Estimate, weighted_sum
from lrlab.scaling_law.table import FloatArray


@dataclass(frozen=True)
class PowerLaw:
    """A line through optima.

    Attributes:
        exponent: p.
        log_batch: (m,) ln of the batch sizes.
        optima: the m optima, ln of the learning rate.
    """

    exponent: Estimate
    log_batch: FloatArray
    optima: list[Estimate]

    @classmethod
    def fit(cls, log_batch: FloatArray, optima: list[Estimate]) -> "PowerLaw":
        """Return the line nearest to the optima: p = Σ (ln B - mean) ln lr / Σ (ln B - mean)²."""
        away = log_batch - log_batch.mean()
        return cls(weighted_sum(away / (away @ away), optima), log_batch, optima)

    def at(self, batch_size: float) -> Estimate:
        """Return ln lr on the line at a batch size, for its band."""
        away = self.log_batch - self.log_batch.mean()
        here = np.log(batch_size) - self.log_batch.mean()
        return weighted_sum(1 / len(away) + here * away / (away @ away), self.optima)
