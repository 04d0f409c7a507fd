"""The experiment: everything that decides what one training run does, validated."""

from dataclasses import dataclass
from typing import Protocol

from lrlab.core import check
from lrlab.core.loss import Loss
from lrlab.core.model import Model
from lrlab.core.neighbours import KNN
from lrlab.core.optimizer import Optimizer
from lrlab.core.regularizer import Regularizer
from lrlab.core.schedule import Schedule
from lrlab.data.datasets import Dataset
from lrlab.training.method import Method


class DataSource(Protocol):
    """A data set that can be verified once and then loaded by anybody."""

    def verify(self) -> None:
        """Refuse missing, truncated or altered files."""

    def load(self) -> Dataset:
        """The data; cheap, read-only, shared."""


@dataclass(frozen=True)
class Experiment:
    """One configuration: the parts of conf/, and how long and with which randomness they are trained.

    Args:
        data, method, model, loss, regularizer, optimizer, schedule: the parts.
        batch_size: samples per update.
        epochs: passes over the training set.
        updates: instead of epochs: updates to make at any batch size, rounded to whole epochs.
        seed: of the initial parameters and of the order of the samples.
        dtype: float32 or float64.
    """

    data: DataSource
    method: Method
    model: Model | KNN
    loss: Loss
    regularizer: Regularizer
    optimizer: Optimizer
    schedule: Schedule
    batch_size: int = 128
    epochs: int = 10
    seed: int = 0
    dtype: str = "float32"
    updates: int | None = None

    def __post_init__(self) -> None:
        check.integer("batch_size", self.batch_size, at_least=1)
        check.integer("epochs", self.epochs, at_least=1)
        check.integer("seed", self.seed, at_least=0)
        if self.updates is not None:
            check.integer("updates", self.updates, at_least=1)
        check.choice("dtype", self.dtype, ("float32", "float64"))
        self.method.check(self)

    def check_fits(self, dataset: Dataset) -> None:
        """Refuse what is too large for the data or the method, such as a batch larger than the training set."""
        self.method.check_fits(self, dataset)

    def passes(self, training_samples: int) -> int:
        """Number of epochs."""
        if self.updates is None:
            return self.epochs
        return max(1, round(self.updates / self._updates_an_epoch(training_samples)))

    def total_updates(self, training_samples: int) -> int:
        """Number of updates in the whole training."""
        return self.passes(training_samples) * self._updates_an_epoch(training_samples)

    def _updates_an_epoch(self, training_samples: int) -> int:
        """The last batch of an epoch may be smaller."""
        return -(-training_samples // self.batch_size)
