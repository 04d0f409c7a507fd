"""Which trials of one batch size a fit near the best learning rate may use."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lrlab.analysis.scaling.table import FloatArray, Table

MAX_RELATIVE_EXCESS: Final = 0.10  # relative to the least loss: further up the loss is no low polynomial ...
MIN_RATES: Final = 5  # ... but so many learning rates are used in any case


@dataclass(frozen=True)
class Points:
    """Finite trials of one batch size.

    Attributes:
        log_lr: (N,) ln of the learning rate.
        loss: (N,).
        seed: (N,) whole numbers from 0 to S - 1.
    """

    log_lr: FloatArray
    loss: FloatArray
    seed: npt.NDArray[np.intp]

    @classmethod
    def from_labels(cls, log_lr: FloatArray, loss: FloatArray, seed: npt.NDArray[Any]) -> "Points":
        """Number the seeds, whatever their labels."""
        return cls(log_lr, loss, np.unique(seed, return_inverse=True)[1])

    def filter(self, keep: npt.NDArray[np.bool_]) -> "Points":
        return Points.from_labels(self.log_lr[keep], self.loss[keep], self.seed[keep])

    @property
    def seeds(self) -> int:
        """S."""
        return int(self.seed.max()) + 1 if len(self.seed) else 0

    def means(self) -> tuple[FloatArray, FloatArray]:
        """Return the distinct ln(lr) in rising order, and the mean loss at each."""
        rates, which = np.unique(self.log_lr, return_inverse=True)
        return rates, np.bincount(which, self.loss) / np.bincount(which)


def near_minimum(table: Table) -> Points | None:
    """Return the trials of one batch size near its least loss; None if they are too few for a fit.

    Left out are learning rates at which any trial diverged, since its survivors are the lucky ones; learning rates
    of much more than the least mean loss; and seeds that were tried at fewer than four of the rest.
    """
    log_lr, finite = np.log(table.lr), np.isfinite(table.loss)
    safe = finite & ~np.isin(log_lr, log_lr[~finite])
    points = Points.from_labels(log_lr[safe], table.loss[safe], table.seed[safe])
    rates, mean = points.means()
    if len(rates) < MIN_RATES:
        return None
    best = int(mean.argmin())
    low = mean <= mean[best] + MAX_RELATIVE_EXCESS * abs(mean[best])
    low[np.argsort(mean, kind="stable")[:MIN_RATES]] = True
    low[max(best - 1, 0) : best + 2] = True  # both sides of the optimum, however steep
    points = points.filter(np.isin(points.log_lr, rates[low]))
    tried = np.bincount(points.seed)
    points = points.filter(tried[points.seed] >= MIN_RATES - 1)
    return points if points.seeds else None
