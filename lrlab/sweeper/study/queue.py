"""The trials of a study as a queue: all of them are in it from the start, and each is claimed exactly once.

A waiting trial has all its values (an enumeration), or some or none: the sampler chooses the rest when it is claimed.
So the total is exact whatever the number of workers, and what an interrupted sweep left waiting is run by the next.
"""

import json
import logging
import secrets
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from lrlab.errors import InputError
from lrlab.runtime.process_id import ProcessId, has_ended_here, host, is_running_here
from lrlab.sweeper.study.lease import LEASE, Watch
from lrlab.sweeper.study.storage import Storage
from lrlab.sweeper.study.trial_store import QueuedTrial, id_of
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
        return cls._of(Counter(map(outcome_of, trials)))

    @classmethod
    def of_tally(cls, tally: Mapping[tuple[TrialState, Any], int]) -> "TrialCounts":
        """Return the counts of what a `TrialStore` has tallied by `OUTCOME`."""
        counts = Counter[str]()
        for (state, outcome), count in tally.items():
            counts[_outcome(state, outcome)] += count
        return cls._of(counts)

    @classmethod
    def _of(cls, counts: Counter[str]) -> "TrialCounts":
        del counts[INTERRUPTED]
        return cls(**counts)


class Queue:
    """One process's handle on the trials of a study.

    Args:
        storage: where the study is.
        study: its name.
        sampler: chooses the values of the trials that were queued without.
        pruner: decides which trials to stop early; it is not stored with the study.
        lease: seconds without a sign of life after which the trials that are claimed here are others' to run.
    """

    def __init__(
        self,
        storage: Storage,
        study: str,
        sampler: optuna.samplers.BaseSampler | None = None,
        pruner: optuna.pruners.BasePruner | None = None,
        lease: float = LEASE,
    ) -> None:
        self._storage = storage.open()
        self._name, self._sampler, self._pruner, self._lease = study, sampler, pruner, lease
        self._id = self._storage.get_study_id_from_name(study)
        self._watch = Watch()

    def study(self) -> optuna.Study:
        """Return a new handle: a used one may hold the trials of an earlier read."""
        return optuna.Study(self._name, self._storage, self._sampler, self._pruner)

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Return the trials in these states, or all of them, in order. Do not change them."""
        return self._storage.get_all_trials(self._id, deepcopy=False, states=states or None)

    def running(self) -> list[FrozenTrial]:
        return self._storage.running(self._id)

    def counts(self) -> TrialCounts:
        return TrialCounts.of_tally(self._storage.tally(self._id, OUTCOME))

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
        self._storage.add(self._id, [QueuedTrial(params) for params in self.missing_from(plan)])

    def enqueue(self, added: Sequence[Mapping[str, Any]]) -> None:
        """Queue trials beyond the plan."""
        self._storage.add(self._id, [QueuedTrial(params, {UNPLANNED: True}) for params in added])

    def claim(self) -> optuna.Trial | None:
        """Claim the next waiting trial for this caller alone; return None if no trial waits."""
        claim = {"lease": self._lease, "token": secrets.token_hex(8)}
        trial_id = self._storage.claim(self._id, _claim_attr(), claim)
        return None if trial_id is None else optuna.trial.Trial(self.study(), trial_id)

    @contextmanager
    def choosing(self, trial: optuna.Trial) -> Iterator[None]:
        """Store all values that a trial is given while this is open at once; see `TrialStore.choosing`."""
        with self._storage.choosing(id_of(trial)):
            yield

    def renew(self, trials: Sequence[optuna.Trial]) -> set[int]:
        """Renew the leases of trials that were claimed here; return the numbers of those that were taken away."""
        held = self._storage.renew([id_of(trial) for trial in trials])
        return {trial.number for trial in trials if id_of(trial) not in held}

    def complete(self, trial: optuna.Trial, values: Sequence[float]) -> None:
        with suppress(UpdateFinishedTrialError):  # a requeued trial is finished
            trial.study.tell(trial, values, skip_if_finished=True)

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
        with suppress(UpdateFinishedTrialError):
            trial.study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)

    def fail(self, trial: optuna.Trial, reason: str, outcome: str = FAILED) -> None:
        with suppress(UpdateFinishedTrialError):
            trial.set_user_attr(OUTCOME, outcome)
            trial.set_user_attr(REASON, reason)
            trial.study.tell(trial, state=TrialState.FAIL)

    def requeue(self, interrupted: Sequence[FrozenTrial], *, died: bool = False) -> int:
        """Close interrupted trials and queue their values again, each at once: none is lost, none is run twice.

        Args:
            interrupted: the trials.
            died: whether their processes have died by themselves; a job of which `MAX_DEATHS` did has failed.

        Returns:
            How many still ran.
        """
        retried = {trial.user_attrs.get(RETRY_OF) for trial in self.trials()} if interrupted else set()
        requeued = 0
        for trial in interrupted:
            attributes, again = {OUTCOME: INTERRUPTED}, None
            deaths = trial.user_attrs.get(DEATHS, 0) + died
            as_job = {IS_JOB: True, DEATHS: deaths} if IS_JOB in trial.user_attrs else {}
            is_retried = trial.number in retried  # by a version that did so before it closed the trial, and was killed
            if not is_retried and as_job and deaths >= MAX_DEATHS:
                attributes = {OUTCOME: FAILED, REASON: f"its process died in each of {deaths} tries", DEATHS: deaths}
            elif not is_retried:
                again = QueuedTrial(_queued_values(trial) | trial.params, {RETRY_OF: trial.number, **as_job})
            if self._storage.requeue(id_of(trial), attributes, again):
                requeued += 1
                if REASON in attributes:
                    log.error("Trial %d failed: %s", trial.number, attributes[REASON])
        return requeued

    def deaths(self) -> int:
        """Return a number that grows with each process that died of a job which is tried again."""
        return sum(trial.user_attrs.get(DEATHS, 0) for trial in self.trials())

    def progress(self) -> int:
        """Return a number that grows with every trial that is done, or found to be deadly."""
        return self.counts().done + self.deaths()

    def only_deadly_wait(self) -> bool:
        """Return whether processes have died while they ran any of the trials that wait."""
        return all(trial.user_attrs.get(DEATHS) for trial in self.trials(TrialState.WAITING))

    def is_claimed_here(self, trial: FrozenTrial) -> bool:
        """Return whether this process has claimed a trial."""
        return bool(trial.user_attrs.get(_claim_attr()))

    def repair(self, gone: Collection[str] = (), *, stopped: bool = False) -> int:
        """Requeue the running trials of processes that are gone, or whose lease has lapsed; return how many.

        A lease lapses while this handle looks: what is called now and then finds those of other machines as well.

        Args:
            gone: hosts that are known to be gone, with every process on them.
            stopped: whether the user has stopped the sweep, so that no trial is to blame.
        """
        claimed = [(trial, set(claimants(trial))) for trial in self.running() if claimants(trial)]
        if not claimed:
            return 0
        processes = {process for _, claiming in claimed for process in claiming}
        alive = set(filter(is_running_here, processes))  # which is a sign of life of its own
        ended = {process for process in processes - alive if has_ended_here(process) or host(process) in gone}
        leases = {id_of(trial): _lease(trial) for trial, claiming in claimed if not claiming & alive}
        lapsed = self._watch.lapsed(self._storage.beats(self._id), leases)
        lost = [trial for trial, claiming in claimed if claiming <= ended or id_of(trial) in lapsed]
        return self.requeue(lost, died=not (gone or stopped))


def outcome_of(trial: FrozenTrial) -> str:
    """Return the field of `TrialCounts` to which a trial belongs, or `INTERRUPTED`."""
    return _outcome(trial.state, trial.user_attrs.get(OUTCOME))


def _outcome(state: TrialState, outcome: str | None) -> str:
    if state != TrialState.FAIL:
        return state.name.lower()
    return "complete" if outcome == NO_OBJECTIVE else outcome or FAILED


def has_ended(trial: FrozenTrial) -> bool:
    """Return whether a trial was run to its end: an interrupted one was queued again, one that reuses was not run."""
    return trial.state.is_finished() and trial.user_attrs.get(OUTCOME) != INTERRUPTED and REUSES not in trial.user_attrs


def claimants(trial: FrozenTrial) -> list[str]:
    """Return the processes that may run a trial: one, or rarely several of which one does."""
    prefix = f"{Tag.OWNER}/"
    return [key.removeprefix(prefix) for key, claimed in trial.user_attrs.items() if key.startswith(prefix) and claimed]


def _lease(trial: FrozenTrial) -> float:
    """Return the seconds after which a trial is taken from those who run it if they give no sign of life."""
    claims = [trial.user_attrs[f"{Tag.OWNER}/{process}"] for process in claimants(trial)]
    return max(float(claim["lease"]) if isinstance(claim, dict) else LEASE for claim in claims)


def _claim_attr() -> str:
    return f"{Tag.OWNER}/{ProcessId.current()}"


def _queued_values(trial: FrozenTrial) -> dict[str, Any]:
    """Return the values a trial was queued with, which Optuna keeps under a key that it does not document."""
    values: dict[str, Any] = trial.system_attrs.get("fixed_params", {})
    return values


def _text(params: Mapping[str, Any]) -> str:
    return json.dumps(dict(params), sort_keys=True)
