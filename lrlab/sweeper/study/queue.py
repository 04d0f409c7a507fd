"""The trials of a study as a queue: all of them are in it from the start, and each is claimed exactly once.

A waiting trial has all its values (an enumeration), or some or none: the sampler chooses the rest when it is claimed.
So the total is exact whatever the number of workers, and what an interrupted sweep left waiting is run by the next.
"""

import json
import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from lrlab.errors import InputError
from lrlab.runtime.process_id import ProcessId, is_gone
from lrlab.sweeper.study.storage import Storage
from lrlab.tracking.tags import Tag

log = logging.getLogger(__name__)

# user attributes of a trial
OUTCOME, REASON, RETRY_OF = "lrlab.outcome", "lrlab.reason", "lrlab.retry_of"
IS_JOB = "lrlab.job"  # a trial that a process runs alone: if the process dies, the trial may be why
RUN_ID = "run_id"  # of its run, if it has one
DEATHS = "lrlab.deaths"  # how many processes have died of what this trial repeats
REUSES = "lrlab.reuses"  # the trial whose objective this one has: it had the same values, and was not run
UNPLANNED = "lrlab.added"  # a trial beyond the plan, of a bracket
# outcomes for which Optuna has one state, FAIL; stored studies hold these strings
MAX_DEATHS = 3  # of which a job has failed
FAILED, DIVERGED, NO_OBJECTIVE, INTERRUPTED = "failed", "diverged", "no objective", "cut off"


@dataclass(frozen=True)
class TrialCounts:
    """How many trials are in each state. Interrupted ones do not count: each was queued again as another trial.

    A trial whose objective is not finite has diverged. That is a result; one that failed gave none.
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
        counts = Counter(map(outcome_of, trials))
        del counts[INTERRUPTED]
        return cls(**counts)


class Queue:
    """One process's handle on the trials of a study.

    Args:
        storage: where the study is.
        study: its name.
        sampler: chooses the values of the trials that were queued without.
        pruner: decides which trials to stop early; it is not stored with the study.
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
        """Return a new handle: a used one may hold the trials of an earlier read."""
        return optuna.Study(self._name, self._storage, self._sampler, self._pruner)

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Return the trials in these states, or all of them, in order. Do not change them."""
        return self._storage.get_all_trials(self._id, deepcopy=False, states=states or None)

    def running(self) -> list[FrozenTrial]:
        return self.trials(TrialState.RUNNING)

    def counts(self) -> TrialCounts:
        return TrialCounts.of(self.trials())

    def missing_from(self, plan: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the trials of a plan that the study does not hold.

        Args:
            plan: the values of each trial; empty where the sampler chooses.

        Raises:
            InputError: the study holds more trials than the plan.
        """
        held = self.planned()
        if len(held) > len(plan):
            raise InputError(
                f"hydra.sweeper.n_trials must be at least {len(held)}, got {len(plan)}: "
                f"study {self._name} holds that many trials"
            )
        left, missing = Counter(map(_text, held)), []
        for params in plan:
            if left[_text(params)] > 0:
                left[_text(params)] -= 1
            else:
                missing.append(params)
        return missing[: len(plan) - len(held)]

    def was_sampled(self) -> bool:
        """Return whether the sampler chose the values of a trial that was planned."""
        return not all(self.planned())

    def planned(self) -> list[dict[str, Any]]:
        """Return the values with which the trials of the plan were queued."""
        return [_queued_values(trial) for trial in self.trials() if not {RETRY_OF, UNPLANNED} & trial.user_attrs.keys()]

    def waiting(self) -> list[dict[str, Any]]:
        """Return the values with which the trials that wait were queued."""
        return [_queued_values(trial) for trial in self.trials(TrialState.WAITING)]

    def enqueue_missing(self, plan: Sequence[Mapping[str, Any]]) -> None:
        """Queue the trials of a plan that the study does not hold."""
        study = self.study()
        for params in self.missing_from(plan):
            study.enqueue_trial(dict(params))

    def enqueue(self, added: Sequence[Mapping[str, Any]]) -> None:
        """Queue trials beyond the plan."""
        study = self.study()
        for params in added:
            study.enqueue_trial(dict(params), user_attrs={UNPLANNED: True})

    def claim(self) -> optuna.Trial | None:
        """Claim the next waiting trial for this caller alone; return None if no trial waits."""
        for waiting in self.trials(TrialState.WAITING):
            trial_id = self._storage.get_trial_id_from_study_id_trial_number(self._id, waiting.number)
            with suppress(UpdateFinishedTrialError):
                # Announced before it is claimed: whenever a trial runs, its process is among the claimants
                self._storage.set_trial_user_attr(trial_id, _claim_attr(), True)
                if self._storage.set_trial_state_values(trial_id, TrialState.RUNNING):
                    return optuna.trial.Trial(self.study(), trial_id)
                self._storage.set_trial_user_attr(trial_id, _claim_attr(), False)
        return None

    def complete(self, trial: optuna.Trial, values: Sequence[float]) -> None:
        trial.study.tell(trial, values, skip_if_finished=True)  # a requeued trial is

    def same(self, trial: optuna.Trial) -> FrozenTrial | None:
        """Return the first complete trial that was run with exactly the values of another one; None without one."""
        values = _text(trial.params)
        complete = (each for each in self.trials(TrialState.COMPLETE) if REUSES not in each.user_attrs)
        return next((each for each in complete if _text(each.params) == values), None)

    def reuse(self, trial: optuna.Trial, complete: FrozenTrial) -> None:
        """Tell a trial the objective of another one instead of running it."""
        with suppress(UpdateFinishedTrialError):
            trial.set_user_attr(REUSES, complete.number)
        self.complete(trial, complete.values)

    def prune(self, trial: optuna.Trial) -> None:
        trial.study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)

    def fail(self, trial: optuna.Trial, reason: str, outcome: str = FAILED) -> None:
        with suppress(UpdateFinishedTrialError):
            trial.set_user_attr(OUTCOME, outcome)
            trial.set_user_attr(REASON, reason)
            trial.study.tell(trial, state=TrialState.FAIL)

    def requeue(self, interrupted: Sequence[FrozenTrial], *, died: bool = False) -> None:
        """Queue the values of interrupted trials again, then close these: in this order no trial is ever lost.

        Args:
            interrupted: the trials.
            died: whether their processes have died by themselves; a job of which `MAX_DEATHS` did has failed.
        """
        retried = {trial.user_attrs.get(RETRY_OF) for trial in self.trials()} if interrupted else set()
        for trial in interrupted:
            outcome, deaths = {OUTCOME: INTERRUPTED}, trial.user_attrs.get(DEATHS, 0) + died
            as_job = {IS_JOB: True, DEATHS: deaths} if IS_JOB in trial.user_attrs else {}
            if trial.number not in retried and as_job and deaths >= MAX_DEATHS:
                outcome = {OUTCOME: FAILED, REASON: f"its process died in each of {deaths} tries"}
                log.error("Trial %d failed: %s", trial.number, outcome[REASON])
            elif trial.number not in retried:
                values = _queued_values(trial) | trial.params
                self.study().enqueue_trial(values, user_attrs={RETRY_OF: trial.number, **as_job})
            with suppress(UpdateFinishedTrialError):  # by another process that repairs
                trial_id = self._storage.get_trial_id_from_study_id_trial_number(self._id, trial.number)
                for name, value in outcome.items():
                    self._storage.set_trial_user_attr(trial_id, name, value)
                self._storage.set_trial_state_values(trial_id, TrialState.FAIL)

    def deaths(self) -> int:
        """Return a number that grows with each process that died of a job which is tried again."""
        return sum(trial.user_attrs.get(DEATHS, 0) for trial in self.trials())

    def only_deadly_wait(self) -> bool:
        """Return whether processes have died while they ran any of the trials that wait."""
        return all(trial.user_attrs.get(DEATHS) for trial in self.trials(TrialState.WAITING))

    def is_claimed_here(self, trial: FrozenTrial) -> bool:
        """Return whether this process has claimed a trial."""
        return bool(trial.user_attrs.get(_claim_attr()))

    def repair(self, gone: Collection[str] = (), *, stopped: bool = False) -> int:
        """Requeue the running trials of processes that are gone; return how many.

        One process at a time may do this (see `Storage.exclusive`).

        Args:
            gone: hosts that are known to be gone, with every process on them.
            stopped: whether the user has stopped the sweep, so that no trial is to blame.
        """
        lost = [
            trial
            for trial in self.running()
            if claimants(trial) and all(is_gone(process, gone) for process in claimants(trial))
        ]
        self.requeue(lost, died=not (gone or stopped))
        return len(lost)


def outcome_of(trial: FrozenTrial) -> str:
    """Return the field of `TrialCounts` to which a trial belongs, or `INTERRUPTED`."""
    if trial.state != TrialState.FAIL:
        return trial.state.name.lower()
    outcome: str = trial.user_attrs.get(OUTCOME, FAILED)
    return "complete" if outcome == NO_OBJECTIVE else outcome


def has_ended(trial: FrozenTrial) -> bool:
    """Return whether a trial was run to its end: an interrupted one was queued again, one that reuses was not run."""
    return trial.state.is_finished() and trial.user_attrs.get(OUTCOME) != INTERRUPTED and REUSES not in trial.user_attrs


def claimants(trial: FrozenTrial) -> list[str]:
    """Return the processes that may run a trial: one, or rarely several of which one does."""
    prefix = f"{Tag.OWNER}/"
    return [key.removeprefix(prefix) for key, claimed in trial.user_attrs.items() if key.startswith(prefix) and claimed]


def _claim_attr() -> str:
    return f"{Tag.OWNER}/{ProcessId.current()}"


def _queued_values(trial: FrozenTrial) -> dict[str, Any]:
    """Return the values a trial was queued with, which Optuna keeps under a key that it does not document."""
    values: dict[str, Any] = trial.system_attrs.get("fixed_params", {})
    return values


def _text(params: Mapping[str, Any]) -> str:
    return json.dumps(dict(params), sort_keys=True)
