"""Studies in a journal file, kept counted while it is read: what follows is read once, and never all of it again."""

import os
import secrets
import threading
import uuid
import weakref
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import JournalStorage
from optuna.storages.journal._storage import JournalOperation, JournalStorageReplayResult
from optuna.trial import FrozenTrial, TrialState

from lrlab.sweeper.study.journal import JournalFile, Lock, create_private
from lrlab.sweeper.study.trial_store import Beat, QueuedTrial, TrialStore

Operation = tuple[JournalOperation, Mapping[str, Any]]


class JournalStore(JournalStorage, TrialStore):
    """Optuna's journal.

    Signs of life are files in a folder beside the journal, one for each trial that runs for long, whose content
    changes: in the journal they would pile up.

    Args:
        path: of the journal, which is created if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        create_private(path)
        self._file_lock = Lock(path)
        self._file_lock.acquire()  # cuts a tail that was torn before now
        self._file_lock.release()
        weakref.finalize(self, os.close, os.open(path, os.O_RDONLY))  # see `Storage.open`
        self._beats = path.with_name(f".{path.name}.beats")
        self._worker_id_prefix = f"{secrets.token_hex(6)}-"  # short, for it is in every line
        self._chosen: dict[int, list[Operation]] = {}
        self._backend = JournalFile(path, self._file_lock)
        self._thread_lock = threading.Lock()
        self._replay_result: _Replay = _Replay(self._worker_id_prefix)
        with self._thread_lock:
            self._sync_with_backend()
            self._replay_result.is_shared = True

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        if state.is_finished():
            self._beat_of(trial_id).unlink(missing_ok=True)
        return super().set_trial_state_values(trial_id, state, values)

    def get_all_trials(self, study_id: int, deepcopy: bool = True, states: Any = None) -> list[FrozenTrial]:
        if states is not None and set(states) == {TrialState.RUNNING} and not deepcopy:
            return self.running(study_id)
        return super().get_all_trials(study_id, deepcopy, states)

    def tally(self, study: int, attribute: str) -> Counter[tuple[TrialState, Any]]:
        with self._synchronized():
            known = self._replay_result.of_study(study)
            counts: Counter[tuple[TrialState, Any]] = Counter(
                {(state, None): count for state, count in known.states.items() if state != TrialState.FAIL}
            )
            counts.update({(TrialState.FAIL, outcome): count for outcome, count in known.failures(attribute).items()})
            return counts

    def claim(self, study: int, key: str, value: Any) -> int | None:
        with self._synchronized(exclusive=True):
            trial = self._replay_result.first_waiting(study)
            if trial is not None:
                self._append(
                    (JournalOperation.SET_TRIAL_USER_ATTR, {"trial_id": trial, "user_attr": {key: value}}),
                    (
                        JournalOperation.SET_TRIAL_STATE_VALUES,
                        {"trial_id": trial, "state": TrialState.RUNNING, "values": None, "datetime_start": _now()},
                    ),
                )
            return trial

    @contextmanager
    def choosing(self, trial: int) -> Iterator[None]:
        chosen = self._chosen[trial] = []
        with self._thread_lock:
            self._replay_result.detach(trial)
        try:
            yield
        finally:
            del self._chosen[trial]
            if chosen:
                with self._synchronized(exclusive=True):
                    self._check_choice(trial, chosen)
                    self._append(*chosen)

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        if trial_id not in self._chosen:
            super().set_trial_param(trial_id, param_name, param_value_internal, distribution)
            return
        fields = {"trial_id": trial_id, "param_name": param_name, "param_value_internal": param_value_internal}
        text = distribution_to_json(distribution)
        self._chosen[trial_id].append((JournalOperation.SET_TRIAL_PARAM, {**fields, "distribution": text}))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        if trial_id not in self._chosen:
            super().set_trial_system_attr(trial_id, key, value)
            return
        fields = {"trial_id": trial_id, "system_attr": {key: value}}
        self._chosen[trial_id].append((JournalOperation.SET_TRIAL_SYSTEM_ATTR, fields))

    def add(self, study: int, trials: Sequence[QueuedTrial]) -> None:
        with self._synchronized(exclusive=True):
            self._append(*(_creation(study, each) for each in trials))

    def requeue(self, trial: int, attributes: Mapping[str, Any], again: QueuedTrial | None) -> bool:
        with self._synchronized(exclusive=True):
            if self._replay_result.get_trial(trial).state != TrialState.RUNNING:
                return False
            study = self._replay_result.study_of(trial)
            # The new one first: a line that is torn loses none
            self._append(
                *([_creation(study, again)] if again else []),
                *(
                    (JournalOperation.SET_TRIAL_USER_ATTR, {"trial_id": trial, "user_attr": {name: value}})
                    for name, value in attributes.items()
                ),
                (
                    JournalOperation.SET_TRIAL_STATE_VALUES,
                    {"trial_id": trial, "state": TrialState.FAIL, "values": None, "datetime_complete": _now()},
                ),
            )
        self._beat_of(trial).unlink(missing_ok=True)
        return True

    def renew(self, trials: Collection[int]) -> set[int]:
        with self._synchronized():
            states = {trial: self._replay_result.get_trial(trial).state for trial in trials}
        running = {trial for trial, state in states.items() if state == TrialState.RUNNING}
        if running:
            self._beats.mkdir(mode=0o700, exist_ok=True)
        for trial in running:
            self._beat_of(trial).write_text(uuid.uuid4().hex, encoding="ascii")
        return running

    def beats(self, study: int) -> dict[int, Beat]:
        """Return the content of the files: to open a file asks the server for what is in it, even over NFS."""
        with self._synchronized():
            running = list(self._replay_result.of_study(study).running)
        return {trial: Beat(self._content(trial)) for trial in running}

    def running(self, study: int) -> list[FrozenTrial]:
        with self._synchronized():
            return list(map(self._replay_result.get_trial, sorted(self._replay_result.of_study(study).running)))

    def finished(self, study: int) -> Sequence[FrozenTrial]:
        with self._synchronized():
            return self._replay_result.of_study(study).finished

    def _content(self, trial: int) -> str | None:
        with suppress(OSError):
            return self._beat_of(trial).read_text(encoding="ascii")
        return None

    def _beat_of(self, trial: int) -> Path:
        return self._beats / str(trial)

    @contextmanager
    def _synchronized(self, *, exclusive: bool = False) -> Iterator[None]:
        """Keep other threads out, with all read that others wrote; or other processes as well."""
        with self._thread_lock:
            if exclusive:
                self._file_lock.acquire()
            try:
                self._sync_with_backend()
                yield
                if exclusive:
                    self._sync_with_backend()
            finally:
                if exclusive:
                    self._file_lock.release()

    def _check_choice(self, trial: int, chosen: Sequence[Operation]) -> None:
        """Refuse before anything is written: of several lines, a replay would refuse one at a time."""
        if self._replay_result.get_trial(trial).state.is_finished():
            raise UpdateFinishedTrialError(f"trial {trial} of the storage has finished")
        known = self._replay_result.of_study(self._replay_result.study_of(trial)).distributions
        for _, fields in chosen:
            if (name := fields.get("param_name")) in known:
                check_distribution_compatibility(known[name], _distribution(fields["distribution"]))

    def _append(self, *operations: Operation) -> None:
        worker = self._replay_result.worker_id
        if operations:
            self._backend.append_logs([{"op_code": code, "worker_id": worker, **fields} for code, fields in operations])


@dataclass
class _Known:
    """What has been read of a study: ids of its trials by state, and how many are in each."""

    states: Counter[TrialState] = field(default_factory=Counter)
    waiting: deque[int] = field(default_factory=deque)  # and some that do not wait any more
    running: dict[int, None] = field(default_factory=dict)
    finished: list[FrozenTrial] = field(default_factory=list)
    failed: list[FrozenTrial] = field(default_factory=list)
    distributions: dict[str, BaseDistribution] = field(default_factory=dict)
    _failures: dict[str, tuple[int, Counter[Any]]] = field(default_factory=dict)

    def failures(self, attribute: str) -> Counter[Any]:
        """Return how many failed trials have each value of a user attribute."""
        counted, counts = self._failures.get(attribute, (0, Counter()))
        counts.update(trial.user_attrs.get(attribute) for trial in self.failed[counted:])
        self._failures[attribute] = len(self.failed), counts
        return counts


class _Replay(JournalStorageReplayResult):
    """Optuna's replay of a journal, that counts as it goes.

    Attributes:
        is_shared: whether others may hold the trials. Before that they are changed in place, which is much faster.
    """

    def __init__(self, worker_id_prefix: str) -> None:
        super().__init__(worker_id_prefix)
        self.is_shared = False
        self._known: dict[int, _Known] = {}

    def of_study(self, study: int) -> _Known:
        known = self._known.get(study)
        if known is None:
            known = self._known[study] = _Known()
        return known

    def study_of(self, trial: int) -> int:
        return self._trial_id_to_study_id[trial]

    def first_waiting(self, study: int) -> int | None:
        waiting = self.of_study(study).waiting
        while waiting and self._trials[waiting[0]].state != TrialState.WAITING:
            waiting.popleft()
        return waiting[0] if waiting else None

    def detach(self, trial_id: int) -> None:
        """Keep what Optuna notes on its copy of a trial, before it is written, out of the trial as it is here."""
        trial = copy(self._trials[trial_id])
        trial.params, trial.distributions = dict(trial.params), dict(trial.distributions)
        self._trials[trial_id] = trial

    def _apply_create_trial(self, log: dict[str, Any]) -> None:
        count = len(self._trials)
        super()._apply_create_trial(log)
        if len(self._trials) > count:
            trial = self._trials[count]
            known = self.of_study(self._trial_id_to_study_id[count])
            known.states[trial.state] += 1
            if trial.state == TrialState.WAITING:
                known.waiting.append(count)
            self._count(known, count, trial)

    def _apply_set_trial_state_values(self, log: dict[str, Any]) -> None:
        trial_id = log["trial_id"]
        before = self._trials[trial_id].state if trial_id in self._trials else None
        super()._apply_set_trial_state_values(log)
        if before is None or self._trials[trial_id].state == before:
            return
        trial, known = self._trials[trial_id], self.of_study(self._trial_id_to_study_id[trial_id])
        known.states[before] -= 1
        known.states[trial.state] += 1
        known.running.pop(trial_id, None)
        self._count(known, trial_id, trial)

    def _count(self, known: _Known, trial_id: int, trial: FrozenTrial) -> None:
        if trial.state == TrialState.RUNNING:
            known.running[trial_id] = None
        elif trial.state.is_finished():
            known.finished.append(trial)
            if trial.state == TrialState.FAIL:
                known.failed.append(trial)

    def _apply_set_trial_param(self, log: dict[str, Any]) -> None:
        trial_id, name = log["trial_id"], log["param_name"]
        if not self._trial_exists_and_updatable(trial_id, log):
            return
        distribution = _distribution(log["distribution"])
        known = self.of_study(self._trial_id_to_study_id[trial_id]).distributions
        before = known.setdefault(name, distribution)
        if before is not distribution and before != distribution:
            try:
                check_distribution_compatibility(known[name], distribution)
            except ValueError:
                if self._is_issued_by_this_worker(log):
                    raise
                return
        if self.is_shared:
            self.detach(trial_id)
        trial = self._trials[trial_id]
        trial.params[name] = distribution.to_external_repr(log["param_value_internal"])
        trial.distributions[name] = distribution

    def _apply_set_trial_intermediate_value(self, log: dict[str, Any]) -> None:
        if self.is_shared:
            super()._apply_set_trial_intermediate_value(log)
        elif self._trial_exists_and_updatable(log["trial_id"], log):
            self._trials[log["trial_id"]].intermediate_values[log["step"]] = log["intermediate_value"]

    def _apply_set_trial_user_attr(self, log: dict[str, Any]) -> None:
        if self.is_shared:
            super()._apply_set_trial_user_attr(log)
        elif self._trial_exists_and_updatable(log["trial_id"], log):
            self._trials[log["trial_id"]].user_attrs.update(log["user_attr"])

    def _apply_set_trial_system_attr(self, log: dict[str, Any]) -> None:
        if self.is_shared:
            super()._apply_set_trial_system_attr(log)
        elif self._trial_exists_and_updatable(log["trial_id"], log):
            self._trials[log["trial_id"]].system_attrs.update(log["system_attr"])


@lru_cache(maxsize=1024)
def _distribution(text: str) -> BaseDistribution:
    return json_to_distribution(text)


def _creation(study: int, trial: QueuedTrial) -> tuple[JournalOperation, dict[str, Any]]:
    return JournalOperation.CREATE_TRIAL, {
        "study_id": study,
        "datetime_start": None,
        "state": TrialState.WAITING,
        "value": None,
        "values": None,
        "distributions": {},
        "params": {},
        "user_attrs": dict(trial.user_attrs),
        "system_attrs": {"fixed_params": dict(trial.params)},
        "intermediate_values": {},
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
