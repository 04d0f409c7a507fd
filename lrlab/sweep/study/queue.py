"""The trials of a study as a queue: all of them are in it from the start, and each is taken exactly once.

A waiting trial has either all its values (an enumeration) or none (the sampler chooses when it is taken). So the
total is exact whatever the number of workers, and what a stopped sweep left waiting is there for the next.
"""

import json
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, SupportsFloat

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from lrlab.errors import InputError
from lrlab.runtime.process_id import is_gone, this_process
from lrlab.sweep.study.storage import Storage
from lrlab.tracking.tags import Tag

# user attributes of a trial
OUTCOME, REASON, RETRY_OF = "lrlab.outcome", "lrlab.reason", "lrlab.retry_of"
UNPLANNED = "lrlab.added"  # after the plan
# outcomes for which Optuna has one state: FAIL
FAILED, DIVERGED, NO_OBJECTIVE, INTERRUPTED = "failed", "diverged", "no objective", "cut off"


@dataclass(frozen=True)
class TrialCounts:
    """How many trials are where. Those cut off do not count: each was queued again as another trial.

    A trial whose objective is not finite has diverged. That is an answer; one that failed gave none.
    """

    waiting: int = 0
    running: int = 0
    complete: int = 0
    pruned: int = 0
    failed: int = 0
    diverged: int = 0

    @property
    def done(self) -> int:
        return self.complete + self.pruned + self.failed + self.diverged

    @property
    def total(self) -> int:
        return self.waiting + self.running + self.done

    @classmethod
    def of(cls, trials: Sequence[FrozenTrial]) -> "TrialCounts":
        counts = Counter(map(_outcome, trials))
        del counts[INTERRUPTED]
        return cls(**counts)


class Queue:
    """One process's handle on the trials of a study.

    Args:
        storage: where the study is.
        study: its name.
        sampler: chooses the values of trials that wait without.
        pruner: decides which trials are not worth going on with; it is not stored with the study.
    """

    def __init__(
        self,
        storage: Storage,
        study: str,
        sampler: optuna.samplers.BaseSampler | None = None,
        pruner: optuna.pruners.BasePruner | None = None,
    ) -> None:
        self._storage = storage.open()
        self._name, self._sampler, self._pruner = study, sampler, pruner
        self._id = self._storage.get_study_id_from_name(study)

    def study(self) -> optuna.Study:
        """A fresh handle: a used one may remember the trials of its last look."""
        return optuna.Study(self._name, self._storage, self._sampler, self._pruner)

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """The trials in these states, in order; all of them for none. Not to be changed."""
        return self._storage.get_all_trials(self._id, deepcopy=False, states=states or None)

    def running(self) -> list[FrozenTrial]:
        return self.trials(TrialState.RUNNING)

    def counts(self) -> TrialCounts:
        return TrialCounts.of(self.trials())

    def missing_from(self, plan: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """What the study does not hold of a plan: values for each of its trials, or none.

        Raises:
            InputError: the study holds more trials than the plan.
        """
        held = [_fixed(trial) for trial in self.trials() if not {RETRY_OF, UNPLANNED} & trial.user_attrs.keys()]
        if len(held) > len(plan):
            raise InputError(
                f"hydra.sweeper.n_trials must be at least {len(held)}, got {len(plan)}: "
                f"study {self._name} holds that many trials"
            )
        there, missing = Counter(map(_text, held)), []
        for params in plan:
            if there[_text(params)] > 0:
                there[_text(params)] -= 1
            else:
                missing.append(params)
        return missing[: len(plan) - len(held)]

    def enqueue_missing(self, plan: Sequence[Mapping[str, Any]]) -> None:
        """Queue what is missing of a plan."""
        study = self.study()
        for params in self.missing_from(plan):
            study.enqueue_trial(dict(params))

    def enqueue(self, more: Sequence[Mapping[str, Any]]) -> None:
        """Queue trials that were not planned."""
        study = self.study()
        for params in more:
            study.enqueue_trial(dict(params), user_attrs={UNPLANNED: True})

    def claim(self) -> optuna.Trial | None:
        """The next waiting trial, for this caller alone; None if no trial waits."""
        for waiting in self.trials(TrialState.WAITING):
            number = self._storage.get_trial_id_from_study_id_trial_number(self._id, waiting.number)
            with suppress(UpdateFinishedTrialError):
                # Signed before it is taken: whenever a trial runs, its owner is among those who signed
                self._storage.set_trial_user_attr(number, _claim_attr(), True)
                if self._storage.set_trial_state_values(number, TrialState.RUNNING):
                    return optuna.trial.Trial(self.study(), number)
                self._storage.set_trial_user_attr(number, _claim_attr(), False)
        return None

    def complete(self, trial: optuna.Trial, values: Sequence[float]) -> None:
        trial.study.tell(trial, values, skip_if_finished=True)  # as one that was taken away is

    def prune(self, trial: optuna.Trial) -> None:
        trial.study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)

    def fail(self, trial: optuna.Trial, reason: str, outcome: str = FAILED) -> None:
        with suppress(UpdateFinishedTrialError):
            trial.set_user_attr(OUTCOME, outcome)
            trial.set_user_attr(REASON, reason)
            trial.study.tell(trial, state=TrialState.FAIL)

    def requeue(self, trial: FrozenTrial) -> None:
        """Queue the values of a trial that was cut off again, then close it: in this order none is ever lost."""
        number = self._storage.get_trial_id_from_study_id_trial_number(self._id, trial.number)
        if all(other.user_attrs.get(RETRY_OF) != trial.number for other in self.trials()):
            self.study().enqueue_trial(_fixed(trial) | trial.params, user_attrs={RETRY_OF: trial.number})
        with suppress(UpdateFinishedTrialError):  # by another process that repairs
            self._storage.set_trial_user_attr(number, OUTCOME, INTERRUPTED)
            self._storage.set_trial_state_values(number, TrialState.FAIL)

    def is_mine(self, trial: FrozenTrial) -> bool:
        """Whether this process has taken a trial."""
        return bool(trial.user_attrs.get(_claim_attr()))

    def repair(self, gone: Collection[str] = ()) -> int:
        """Give back the running trials of processes that are dead; returns how many.

        One process at a time may do this (see `Storage.alone`).

        Args:
            gone: hosts that are known to be gone, with all that ran there.
        """
        lost = [
            trial
            for trial in self.trials(TrialState.RUNNING)
            if claimants(trial) and all(is_gone(owner, gone) for owner in claimants(trial))
        ]
        for trial in lost:
            self.requeue(trial)
        return len(lost)


def _outcome(trial: FrozenTrial) -> str:
    """The count of a tally to which a trial belongs."""
    if trial.state != TrialState.FAIL:
        return trial.state.name.lower()
    outcome: str = trial.user_attrs.get(OUTCOME, FAILED)
    return "complete" if outcome == NO_OBJECTIVE else outcome


def claimants(trial: FrozenTrial) -> list[str]:
    """Who runs a trial: one process, or rarely several of which one does."""
    return [
        key.removeprefix(f"{Tag.OWNER}/")
        for key, signed in trial.user_attrs.items()
        if key.startswith(Tag.OWNER) and signed
    ]


def _claim_attr() -> str:
    return f"{Tag.OWNER}/{this_process()}"


def _fixed(trial: FrozenTrial) -> dict[str, Any]:
    """The values a trial was queued with."""
    fixed: dict[str, Any] = trial.system_attrs.get("fixed_params", {})
    return fixed


def _text(params: Mapping[str, Any]) -> str:
    return json.dumps(dict(params), sort_keys=True)


def objective(value: Any, count: int) -> list[float]:
    """What a trial returned, as its objective: `count` finite numbers.

    Raises:
        TypeError: these are not `count` numbers.
        ValueError: one of them is not finite.
    """
    values = list(value) if isinstance(value, list | tuple) else [value]
    numbers = [float(each) for each in values if isinstance(each, SupportsFloat)]
    if len(numbers) != len(values) or len(numbers) != count:
        raise TypeError(f"the objective must be {count} number{'s' * (count > 1)}, got {value!r}")
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"the objective must be finite, got {value!r}")
    return numbers
