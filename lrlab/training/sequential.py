"""Members that share nothing but the data: the population of every method that trains one configuration at a time."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar, Protocol

import numpy as np

from lrlab.data.dataset import Dataset
from lrlab.training.experiment import EpochResult, Experiment, Member

Array = np.ndarray


class Learner(Protocol):
    """One configuration being trained by a method's own steps."""

    @property
    def finished(self) -> bool:
        """Return whether there is nothing more to do."""

    def step(self) -> dict[str, float]:
        """Do one epoch's work and return its metrics."""

    def weights(self) -> dict[str, Array]:
        """Return copies of what was learned; nothing without parameters."""

    def test(self) -> dict[str, float]:
        """Return ``test/loss`` and ``test/accuracy``."""


class SequentialMember:
    """A member of a `SequentialPopulation` (see ``lrlab.training.experiment.Member``)."""

    def __init__(self, experiment: Experiment, slot: int, first_epoch: int, learner: Learner) -> None:
        self.experiment = experiment
        self.slot = slot
        self.first_epoch = first_epoch
        self.epoch = 0
        self.learner = learner

    @property
    def finished(self) -> bool:
        return self.learner.finished

    def weights(self) -> dict[str, Array]:
        return self.learner.weights()


class SequentialPopulation:
    """A population whose members take their own steps, one after the other.

    Args:
        dataset: the loaded data.
        begin: makes the learner of an experiment.
        width, microbatch, first_epoch: as a population has them; nothing here depends on them.
    """

    def __init__(
        self,
        dataset: Dataset,
        begin: Callable[[Experiment], Learner],
        *,
        width: int,
        microbatch: int,
        first_epoch: int = 0,
    ) -> None:
        self.dataset = dataset
        self.width = width
        self.microbatch = microbatch
        self.epochs_done = first_epoch
        self._begin = begin
        self._slots: list[SequentialMember | None] = [None] * width

    @property
    def members(self) -> list[SequentialMember]:
        return [member for member in self._slots if member is not None]

    @property
    def free_slots(self) -> int:
        return self._slots.count(None)

    def admit(self, experiment: Experiment, slot: int | None = None) -> SequentialMember:
        slot = self._slots.index(None) if slot is None else slot
        if self._slots[slot] is not None:
            raise ValueError(f"slot {slot} is taken")
        member = SequentialMember(experiment, slot, self.epochs_done, self._begin(experiment))
        self._slots[slot] = member
        return member

    def release(self, member: Member) -> None:
        self._slots[member.slot] = None

    def train_epoch(self) -> list[EpochResult]:
        self.epochs_done += 1
        results = []
        for member in self.members:
            metrics = member.learner.step()
            member.epoch += 1
            diverged = not all(map(math.isfinite, metrics.values()))
            results.append(EpochResult(member, member.epoch, metrics, diverged))
        return results

    def test(self, member: Member) -> dict[str, float]:
        for own in self.members:
            if own is member:
                return own.learner.test()
        raise ValueError(f"slot {member.slot} does not hold this member")


MAX_WIDTH = 32  # members that train one after the other: more would only wait


class SequentialMethod(ABC):
    """A method whose members train one after the other. By default it trains any experiment."""

    objectives: ClassVar[Sequence[str]] = ("val/loss", "val/accuracy")

    def check(self, experiment: Experiment) -> None:
        return

    def check_fits(self, experiment: Experiment, dataset: Dataset) -> None:
        return

    def max_width(self, experiment: Experiment, dataset: Dataset) -> int:
        return MAX_WIDTH

    def search_width(self, experiment: Experiment, dataset: Dataset) -> int:
        return MAX_WIDTH

    def compatibility_key(self, experiment: Experiment) -> Hashable:
        return (experiment.data,)

    @abstractmethod
    def learner_factory(self, experiment: Experiment, dataset: Dataset) -> Callable[[Experiment], Learner]:
        """Return what makes the learner of every experiment of one population."""

    def new_population(
        self, experiment: Experiment, dataset: Dataset, *, width: int, microbatch: int, first_epoch: int = 0
    ) -> SequentialPopulation:
        """Return an empty population (see ``lrlab.training.experiment.Method``)."""
        learners = self.learner_factory(experiment, dataset)
        return SequentialPopulation(dataset, learners, width=width, microbatch=microbatch, first_epoch=first_epoch)
