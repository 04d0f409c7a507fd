"""What the queue of trials needs of a storage beside Optuna's interface, at a cost that hardly grows with the study.

Optuna's own storages read every trial to count them, to find one that waits, or to see what has changed.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState


@dataclass(frozen=True)
class QueuedTrial:
    """A trial to be queued.

    Attributes:
        params: its values; the sampler chooses those that are missing.
        user_attrs: JSON.
    """

    params: Mapping[str, Any]
    user_attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Beat:
    """The latest sign of life of whoever runs a trial.

    Attributes:
        value: changes with each of them; None before the first.
        age: seconds since then by the clock of the storage; 0 where only the host has a clock.
    """

    value: Any
    age: float = 0.0


class TrialStore(BaseStorage):
    """Optuna's storage, with what the queue needs. Trials are given by Optuna's ids, unique in the storage."""

    @abstractmethod
    def tally(self, study: int, attribute: str) -> Counter[tuple[TrialState, Any]]:
        """Return how many trials are in each state; those that FAILed also by this user attribute."""

    @abstractmethod
    def claim(self, study: int, key: str, value: Any) -> int | None:
        """Set the first trial that waits RUNNING, with a user attribute, for this caller alone; None if none waits."""

    @contextmanager
    def choosing(self, trial: int) -> Iterator[None]:
        """Write all values that a trial of this caller is given while this is open, and what a sampler notes, at once.

        Raises:
            UpdateFinishedTrialError: the trial is another's by now, and has none of them.
        """
        yield

    @abstractmethod
    def add(self, study: int, trials: Sequence[QueuedTrial]) -> None:
        """Queue trials: all of them, or none."""

    @abstractmethod
    def requeue(self, trial: int, attributes: Mapping[str, Any], again: QueuedTrial | None) -> bool:
        """Close a trial that is RUNNING as FAILed, and queue it again: both, or neither.

        Returns:
            False if it is not RUNNING any more.
        """

    @abstractmethod
    def renew(self, trials: Collection[int]) -> set[int]:
        """Give a sign of life for trials; return those of them that are still RUNNING."""

    @abstractmethod
    def beats(self, study: int) -> dict[int, Beat]:
        """Return the latest sign of life of every trial that is RUNNING."""

    @abstractmethod
    def running(self, study: int) -> list[FrozenTrial]:
        """Return the trials that are RUNNING, in order. Do not change them."""

    @abstractmethod
    def finished(self, study: int) -> Sequence[FrozenTrial]:
        """Return the finished trials in the order in which this process heard of them. Do not change them."""


def id_of(trial: Trial | FrozenTrial) -> int:
    """Return Optuna's id of a trial."""
    return int(trial._trial_id)  # noqa: SLF001  it has no public name
