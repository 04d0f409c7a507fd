"""The method: how a configuration is trained. Gradient descent is one of several.

A method founds cohorts. A cohort trains its members epoch by epoch, and a member's curve does not depend on who else
is in it; what counts as an epoch is the method's affair. Training, sweeping, recording and replay know cohorts only.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lrlab.core.model import Model
from lrlab.core.neighbours import KNN
from lrlab.data.datasets import Dataset
from lrlab.errors import InputError

if TYPE_CHECKING:
    from lrlab.training.experiment import Experiment

Array = np.ndarray


class Trainee(Protocol):
    """A member of a cohort: one experiment on its way."""

    @property
    def experiment(self) -> "Experiment":
        """Its configuration."""

    @property
    def slot(self) -> int:
        """Its place in the cohort."""

    @property
    def first_epoch(self) -> int:
        """How many epochs the cohort had made before it came."""

    @property
    def epoch(self) -> int:
        """How many it has made."""

    @property
    def finished(self) -> bool:
        """Whether it has reached its end."""

    def weights(self) -> dict[str, Array]:
        """Copies of what was learned, such as W1 (out, in), b1 (out,), W2, ...; empty without parameters."""


@dataclass(frozen=True)
class Event:
    """What an epoch of one member came to.

    Attributes:
        metrics: ``train/loss`` and ``train/accuracy`` are running means over the epoch, before each update;
            ``val/loss`` and ``val/accuracy`` are measured at its end; losses are without the regularizer, in nats;
            ``lr``, ``gradient_norm`` and ``update_ratio`` are those of the last update, over all parameters.
        diverged: a loss or a norm is not finite.
    """

    member: Trainee
    epoch: int
    metrics: dict[str, float]
    diverged: bool


class Cohort(Protocol):
    """Members that are trained side by side; ``lrlab.training.population.Population`` is one."""

    @property
    def dataset(self) -> Dataset:
        """What they learn from."""

    @property
    def width(self) -> int:
        """The number of slots."""

    @property
    def microbatch(self) -> int:
        """Samples per multiply, where that matters."""

    @property
    def epochs(self) -> int:
        """How many epochs it has made, those before a replay began included."""

    @property
    def members(self) -> Sequence[Trainee]:
        """Who is in it, by slot."""

    @property
    def room(self) -> int:
        """Number of free slots."""

    def admit(self, experiment: "Experiment", slot: int | None = None) -> Trainee:
        """Start a member in a free slot (the first one, or the one named)."""

    def release(self, member: Trainee) -> None:
        """Free a member's slot."""

    def epoch(self) -> list[Event]:
        """Train every member for one epoch; one event each."""

    def test(self, member: Trainee) -> dict[str, float]:
        """Loss and accuracy on the test split: for the final evaluation of a chosen configuration only."""


class Method(Protocol):
    """A choice of conf/method."""

    def check(self, experiment: "Experiment") -> None:
        """Refuse an experiment with parts that this method cannot train."""

    def check_fits(self, experiment: "Experiment", dataset: Dataset) -> None:
        """Refuse an experiment that is too large for this method, or for the data."""

    def epochs(self, experiment: "Experiment", dataset: Dataset) -> int:
        """How many epochs a member makes at most."""

    def shared(self, experiment: "Experiment") -> Hashable:
        """What the members of one cohort have in common."""

    def cohort(
        self, experiment: "Experiment", dataset: Dataset, *, width: int, microbatch: int, first_epoch: int = 0
    ) -> Cohort:
        """An empty cohort for experiments that share with this one what must be shared."""


def parametric(experiment: "Experiment") -> Model:
    """The experiment's model.

    Raises:
        InputError: it has no parameters that could be learned.
    """
    if isinstance(experiment.model, KNN):
        raise InputError(f"method must be memorize for model=knn, got {experiment.method}")
    return experiment.model
