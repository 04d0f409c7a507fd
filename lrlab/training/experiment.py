"""The experiment, everything that decides what one training does, and the roles that train it.

A method creates populations. A population trains its members epoch by epoch, and a member's curve does not depend on
the other members; what an epoch is depends on the method. Everything else knows members and populations only.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Protocol

import numpy as np
from annotated_types import Ge

from lrlab.core.loss import Loss
from lrlab.core.model import Model
from lrlab.core.neighbours import KNN
from lrlab.core.optimizer import Optimizer
from lrlab.core.regularizer import Regularizer
from lrlab.core.schedule import Schedule
from lrlab.data.dataset import Dataset
from lrlab.errors import InputError

Array = np.ndarray


class Member(Protocol):
    """A member of a population: one experiment being trained."""

    @property
    def experiment(self) -> Experiment:
        """Return its configuration."""

    @property
    def slot(self) -> int:
        """Return its index in the population."""

    @property
    def first_epoch(self) -> int:
        """Return how many epochs the population had made before it was admitted."""

    @property
    def epoch(self) -> int:
        """Return how many epochs it has made."""

    @property
    def finished(self) -> bool:
        """Return whether it has reached its end."""

    def weights(self) -> dict[str, Array]:
        """Return copies of what was learned, such as W1 (out, in), b1 (out,), W2, ...; empty without parameters."""


@dataclass(frozen=True)
class EpochResult:
    """The metrics of one epoch of one member.

    Attributes:
        metrics: ``train/loss`` and ``train/accuracy`` are running means over the epoch, before each update;
            ``val/loss`` and ``val/accuracy`` are measured at its end; losses are without the regularizer, in nats;
            ``lr``, ``gradient_norm`` and ``update_ratio`` are those of the last update, over all parameters;
            ``updates`` counts the updates since the beginning.
        diverged: a loss or a norm is not finite.
        curve: (updates, validation loss in nats) pairs, as far as it was measured inside the epoch.
    """

    member: Member
    epoch: int
    metrics: dict[str, float]
    diverged: bool
    curve: tuple[tuple[int, float], ...] = ()


class Population(Protocol):
    """Members that are trained side by side; ``lrlab.training.population.StackedPopulation`` is one."""

    @property
    def dataset(self) -> Dataset:
        """Return what they learn from."""

    @property
    def width(self) -> int:
        """Return the number of slots."""

    @property
    def microbatch(self) -> int:
        """Return the number of samples per multiply, where that matters."""

    @property
    def epochs_done(self) -> int:
        """Return how many epochs it has made, those before a replay began included."""

    @property
    def members(self) -> Sequence[Member]:
        """Return the members, by slot."""

    @property
    def free_slots(self) -> int:
        """Return the number of free slots."""

    def admit(self, experiment: Experiment, slot: int | None = None) -> Member:
        """Start a member in a free slot (the first one, or the one named).

        Raises:
            ValueError: there is none, or the one named is taken.
        """

    def release(self, member: Member) -> None:
        """Free a member's slot."""

    def train_epoch(self) -> list[EpochResult]:
        """Train every member that has not reached its end for one epoch; return one result each."""

    def test(self, member: Member) -> dict[str, float]:
        """Return loss and accuracy on the test split: for the final evaluation of a chosen configuration only."""


class Method(Protocol):
    """A choice of conf/method.

    Attributes:
        objectives: the metrics of every epoch that a search may optimize.
    """

    objectives: ClassVar[Sequence[str]]

    def check(self, experiment: Experiment) -> None:
        """Refuse an experiment with parts that this method cannot train."""

    def check_fits(self, experiment: Experiment, dataset: Dataset) -> None:
        """Refuse an experiment that is too large for this method, or for the data."""

    def n_epochs(self, experiment: Experiment, dataset: Dataset) -> int:
        """Return how many epochs a member makes at most."""

    def max_width(self, experiment: Experiment, dataset: Dataset) -> int:
        """Return how many members one worker trains at once at most."""

    def search_width(self, experiment: Experiment, dataset: Dataset) -> int:
        """Return the same for a search, whose trials learn from those that have ended."""

    def compatibility_key(self, experiment: Experiment) -> Hashable:
        """Return what the members of one population have in common."""

    def new_population(
        self, experiment: Experiment, dataset: Dataset, *, width: int, microbatch: int, first_epoch: int = 0
    ) -> Population:
        """Return an empty population for experiments with the compatibility key of this one."""


class DataSource(Protocol):
    """A data set that can be verified once and then loaded by anybody."""

    def verify(self) -> None:
        """Refuse missing, truncated or altered files."""

    def load(self) -> Dataset:
        """Return the data; cheap, read-only, shared."""


@dataclass(frozen=True)
class Experiment:
    """One configuration: the parts of conf/, and how long and with which randomness they are trained.

    Args:
        data, method, model, loss, regularizer, optimizer, schedule: the parts.
        batch_size: samples per update.
        drop_last: whether an epoch ends before a last batch that would be smaller. Its gradient is as noisy as that of
            a small batch, at the learning rate of a large one.
        epochs: passes over the training set.
        updates: instead of epochs: updates to make, exactly, at any batch size; the last pass may be a part of one.
        seed: of the initial parameters and of the order of the samples.
        dtype: float32 or float64.
        evaluate: when the validation loss is measured: after each epoch, or also inside epochs, after 0, 1, 2, 3, 4,
            6, 8, 11, ... updates (of method=gradient alone: other methods have no updates inside an epoch).
    """

    data: DataSource
    method: Method
    model: Model | KNN
    loss: Loss
    regularizer: Regularizer
    optimizer: Optimizer
    schedule: Schedule
    batch_size: Annotated[int, Ge(1)] = 128
    drop_last: bool = False
    epochs: Annotated[int, Ge(1)] = 10
    seed: Annotated[int, Ge(0)] = 0
    dtype: Literal["float32", "float64"] = "float32"
    updates: Annotated[int, Ge(1)] | None = None
    evaluate: Literal["epoch", "log"] = "epoch"

    def __post_init__(self) -> None:
        self.method.check(self)

    def check_fits(self, dataset: Dataset) -> None:
        """Refuse what is too large for the data or the method, such as a batch larger than the training set."""
        self.method.check_fits(self, dataset)

    def new_population(self, dataset: Dataset, *, width: int, microbatch: int, first_epoch: int = 0) -> Population:
        """Return an empty population for experiments with the compatibility key of this one.

        Args:
            dataset: the loaded data.
            width: number of slots.
            microbatch: samples per multiply; every member's batch size is a multiple of it.
            first_epoch: how many epochs of the shared shuffle have passed, for a replay.
        """
        return self.method.new_population(self, dataset, width=width, microbatch=microbatch, first_epoch=first_epoch)

    def n_epochs(self, dataset: Dataset) -> int:
        """Return how many epochs the training takes at most."""
        return self.method.n_epochs(self, dataset)

    def max_width(self, dataset: Dataset) -> int:
        """Return how many such members one worker trains at once at most."""
        return self.method.max_width(self, dataset)

    def search_width(self, dataset: Dataset) -> int:
        """Return the same for a search, whose trials learn from those that have ended."""
        return self.method.search_width(self, dataset)

    def compatibility_key(self) -> Hashable:
        """Return what the members of one population have in common."""
        return self.method, self.method.compatibility_key(self)

    def passes(self, training_samples: int) -> int:
        """Return the number of epochs over so many samples, of which the last may be a part of one."""
        if self.updates is None:
            return self.epochs
        return -(-self.updates // self._updates_an_epoch(training_samples))

    def total_updates(self, training_samples: int) -> int:
        """Return the number of updates in the whole training."""
        if self.updates is None:
            return self.epochs * self._updates_an_epoch(training_samples)
        return self.updates

    def samples_an_epoch(self, training_samples: int) -> int:
        """Return how many samples an epoch takes."""
        return training_samples - (training_samples % self.batch_size if self.drop_last else 0)

    def _updates_an_epoch(self, training_samples: int) -> int:
        """Return the number of updates in an epoch, whose last batch may be smaller."""
        return -(-self.samples_an_epoch(training_samples) // self.batch_size)


def parametric(experiment: Experiment) -> Model:
    """Return the experiment's model.

    Raises:
        InputError: it has no parameters that could be learned.
    """
    if isinstance(experiment.model, KNN):
        raise InputError(f"method must be knn for model=knn, got {experiment.method}")
    return experiment.model
