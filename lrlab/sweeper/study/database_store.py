"""Studies in SQLite or PostgreSQL, in Optuna's tables: a statement for what Optuna reads all trials for."""

import json
import secrets
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy as deep_copy
from itertools import takewhile
from typing import Any

from optuna.distributions import BaseDistribution, check_distribution_compatibility
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection, and_, false, or_, select, text

from lrlab.sweeper.study import tables
from lrlab.sweeper.study.choice import Choice
from lrlab.sweeper.study.connection import RETRY_TIME, retried
from lrlab.sweeper.study.known_trials import KnownTrials
from lrlab.sweeper.study.tables import REPORTS, TRIALS
from lrlab.sweeper.study.trial_store import Beat, QueuedTrial, TrialStore, id_of

INDEX = "lrlab_trials_by_state"
BATCH = "lrlab.batch"  # system attribute of the first of the trials that were queued together


class DatabaseStore(TrialStore):
    """Optuna's relational storage.

    What a method does is done again when the connection is lost before the answer, so each may be done twice.

    Args:
        backend: Optuna's storage.

    Attributes:
        retry_time: seconds for which the database may be away.
    """

    def __init__(self, backend: RDBStorage) -> None:
        self.retry_time = RETRY_TIME
        self._backend, self._engine = backend, backend.engine
        self._lock = threading.RLock()
        self._known: dict[int, KnownTrials] = defaultdict(KnownTrials)
        self._own: dict[int, FrozenTrial] = {}  # that this process runs: nobody else writes them
        self._chosen: dict[int, list[Choice]] = {}
        self._seen: dict[int, set[int]] = {}  # by threads that choose the values of a trial: studies they have read
        self._directions: dict[int, list[StudyDirection]] = {}
        self._first: dict[tuple[int, str], BaseDistribution] = {}
        with self._engine.begin() as connection:
            connection.execute(text(f"CREATE INDEX IF NOT EXISTS {INDEX} ON {TRIALS.name} (study_id, state, trial_id)"))

    # What the queue needs

    @retried
    def tally(self, study: int, attribute: str) -> Counter[tuple[TrialState, Any]]:
        with self._engine.begin() as connection:
            rows = connection.execute(tables.COUNT_STATES, {"study": study})
            counts: Counter[tuple[TrialState, Any]] = Counter({(state, None): count for state, count in rows})
            if counts.pop((TrialState.FAIL, None), 0):
                for value, count in connection.execute(tables.COUNT_FAILURES, {"study": study, "key": attribute}):
                    counts[TrialState.FAIL, None if value is None else json.loads(value)] = count
        return counts

    def claim(self, study: int, key: str, value: Any) -> int | None:
        return self._claim(study, key, value, [])

    @retried
    def _claim(self, study: int, key: str, value: Any, tries: list[None]) -> int | None:
        with self._engine.begin() as connection:
            row = None
            if tries:  # the connection was lost, perhaps after the claim
                mine = {"study": study, "key": key, "value": json.dumps(value)}
                row = connection.execute(tables.CLAIMED, mine).first()
            tries.append(None)
            if row is None:
                row = connection.execute(tables.START_FIRST_WAITING, {"study": study, "now": tables.now()}).first()
                if row is None:
                    return None
                tables.set_attribute(connection, tables.USER_ATTRS, row.trial_id, key, value)
                tables.beat(connection, [row.trial_id])
            trial = tables.trial_of(row)
            tables.add_attributes(connection, [trial])
        with self._lock:
            self._own[id_of(trial)] = trial
        return id_of(trial)

    @contextmanager
    def choosing(self, trial: int) -> Iterator[None]:
        chosen, thread = self._chosen.setdefault(trial, []), threading.get_ident()
        self._seen[thread] = set()
        try:
            yield
        finally:
            del self._chosen[trial], self._seen[thread]
            if chosen:
                self._write_choices(trial, chosen)

    def add(self, study: int, trials: Sequence[QueuedTrial]) -> None:
        self._add(study, trials, secrets.token_hex(8), [])

    @retried
    def _add(self, study: int, trials: Sequence[QueuedTrial], token: str, tries: list[None]) -> None:
        with self._engine.begin() as connection:
            added = {"key": BATCH, "value": json.dumps(token)}
            if tries and connection.execute(tables.OF_ATTRIBUTE, added).first():  # before the connection was lost
                return
            tries.append(None)
            for trial in tables.add_trials(connection, study, trials)[:1]:
                tables.set_attribute(connection, tables.SYSTEM_ATTRS, trial, BATCH, token)

    @retried
    def requeue(self, trial: int, attributes: Mapping[str, Any], again: QueuedTrial | None) -> bool:
        with self._engine.begin() as connection:
            study = connection.execute(tables.LOCK_RUNNING, {"trial": trial}).scalar()
            if study is None:
                return False
            for name, value in attributes.items():
                tables.set_attribute(connection, tables.USER_ATTRS, trial, name, value)
            connection.execute(tables.FINISH, {"trial": trial, "end": TrialState.FAIL, "now": tables.now()})
            if again:
                tables.add_trials(connection, study, [again])
        self._disown(trial)
        return True

    @retried
    def renew(self, trials: Collection[int]) -> set[int]:
        asked = select(TRIALS.c.trial_id).where(TRIALS.c.trial_id.in_(trials), TRIALS.c.state == TrialState.RUNNING)
        with self._engine.begin() as connection:
            held = set(connection.execute(asked).scalars())
            tables.beat(connection, sorted(held))
        return held

    @retried
    def beats(self, study: int) -> dict[int, Beat]:
        with self._engine.begin() as connection:
            return tables.beats(connection, study)

    def running(self, study: int) -> list[FrozenTrial]:
        return self.get_all_trials(study, deepcopy=False, states=(TrialState.RUNNING,))

    def finished(self, study: int) -> Sequence[FrozenTrial]:
        self._refresh(study)
        return self._known[study].finished

    # Optuna's interface: trials

    def get_all_trials(self, study_id: int, deepcopy: bool = True, states: Any = None) -> list[FrozenTrial]:
        self._refresh(study_id)
        with self._lock:
            known = self._known[study_id]
            if states is not None and set(states) == {TrialState.RUNNING}:
                trials = [known.trials[trial] for trial in sorted(known.running)]
            else:
                trials = list(known.trials.values())
        if states is not None:
            trials = [trial for trial in trials if trial.state in states]
        return deep_copy(trials) if deepcopy else trials

    @retried
    def get_trial(self, trial_id: int) -> FrozenTrial:
        with self._lock:
            if trial_id in self._own:
                return tables.copied(self._own[trial_id])
            for known in self._known.values():
                if trial_id in known.trials and known.trials[trial_id].state.is_finished():  # nobody writes it any more
                    return tables.copied(known.trials[trial_id])
        with self._engine.begin() as connection:
            found = tables.read_trials(connection, [trial_id])
        if not found:
            raise KeyError(models.NOT_FOUND_MSG)
        return found[0]

    @retried
    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        return self._backend.create_new_trial(study_id, template_trial)

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        choice = Choice(param_name, param_value_internal, distribution)
        if trial_id in self._chosen:
            self._chosen[trial_id].append(choice)
        else:
            self._write_choices(trial_id, [choice])

    @retried
    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        if trial_id not in self._own or not state.is_finished():
            return self._backend.set_trial_state_values(trial_id, state, values)
        try:
            with self._engine.begin() as connection:
                row = connection.execute(tables.FINISH, {"trial": trial_id, "end": state, "now": tables.now()}).first()
                if row is None:
                    raise UpdateFinishedTrialError(f"trial {trial_id} of the storage has finished")
                for objective, value in enumerate(values or ()):
                    stored, kind = models.TrialValueModel.value_to_stored_repr(value)
                    value_row = {"trial_id": trial_id, "objective": objective, "value": stored, "value_type": kind}
                    tables.upsert(connection, tables.VALUES, ("trial_id", "objective"), value_row)
        finally:
            own = self._disown(trial_id)
        if own:  # nothing is to be read of what was written here
            ended = tables.trial_of(row)
            own.state, own.datetime_complete = ended.state, ended.datetime_complete
            own.values = list(values) if values is not None else None
            with self._lock:
                if trial_id in self._known[row.study_id].trials:
                    self._known[row.study_id].keep(own)
        return True

    @retried
    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        stored, kind = models.TrialIntermediateValueModel.intermediate_value_to_stored_repr(intermediate_value)
        row = {"trial_id": trial_id, "step": step, "intermediate_value": stored, "intermediate_value_type": kind}
        with self._writing(trial_id) as (connection, _):
            tables.upsert(connection, REPORTS, ("trial_id", "step"), row)
        if own := self._own.get(trial_id):
            own.intermediate_values[step] = intermediate_value

    @retried
    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        with self._writing(trial_id) as (connection, _):
            tables.set_attribute(connection, tables.USER_ATTRS, trial_id, key, value)
        if own := self._own.get(trial_id):
            own.user_attrs[key] = value

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        if trial_id in self._chosen:
            self._chosen[trial_id].append(Choice(key, value))
        else:
            self._write_choices(trial_id, [Choice(key, value)])

    @retried
    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        return self._backend.get_trial_id_from_study_id_trial_number(study_id, trial_number)

    # Optuna's interface: studies

    @retried
    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        return self._backend.create_new_study(directions, study_name)

    @retried
    def delete_study(self, study_id: int) -> None:
        self._backend.delete_study(study_id)
        with self._lock:
            self._known.pop(study_id, None)

    @retried
    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        self._backend.set_study_user_attr(study_id, key, value)

    @retried
    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        self._backend.set_study_system_attr(study_id, key, value)

    @retried
    def get_study_id_from_name(self, study_name: str) -> int:
        with self._engine.begin() as connection:
            found = connection.execute(tables.STUDY_OF_NAME, {"name": study_name}).scalar()
        if found is None:
            raise KeyError(models.NOT_FOUND_MSG)
        return int(found)

    @retried
    def get_study_name_from_id(self, study_id: int) -> str:
        return self._backend.get_study_name_from_id(study_id)

    @retried
    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        if study_id not in self._directions:
            self._directions[study_id] = self._backend.get_study_directions(study_id)
        return self._directions[study_id]

    @retried
    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        return self._backend.get_study_user_attrs(study_id)

    @retried
    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        return self._backend.get_study_system_attrs(study_id)

    @retried
    def get_all_studies(self) -> list[FrozenStudy]:
        return self._backend.get_all_studies()

    # Reading and writing

    def _write_choices(self, trial: int, chosen: Sequence[Choice]) -> None:
        self._insert_choices(trial, chosen)
        if own := self._own.get(trial):
            for each in chosen:
                each.give(own)

    @retried
    def _insert_choices(self, trial: int, chosen: Sequence[Choice]) -> None:
        with self._writing(trial) as (connection, study):
            for each in chosen:
                if each.distribution is not None:
                    self._check_compatible(connection, study, each.name, each.distribution)
                each.insert(connection, trial)

    @retried
    def _refresh(self, study: int) -> None:
        """Read the trials that are new or may have changed.

        Trials are claimed in the order of their ids. So of those that waited when they were last read, those before the
        first that waits now have changed, and hardly ever another, which is read later. Whoever chooses looks once.
        """
        seen = self._seen.get(threading.get_ident(), set())
        if study in seen:
            return
        with self._lock:
            known = self._known[study]
            with self._engine.begin() as connection:
                running = set(connection.execute(tables.RUNNING, {"study": study}).scalars())
                first = connection.execute(tables.FIRST_WAITING, {"study": study}).scalar()
                new = connection.execute(tables.FURTHER, {"study": study, "last": known.last_id}).scalars()
                changed = set(new) | (known.running ^ running)
                changed.update(takewhile(lambda trial: first is None or trial < first, known.waiting))
                own = self._own.keys() & running
                read = tables.read_trials(connection, sorted(changed - own))
                still = self._reread(connection, known, sorted((known.running & running) - own))
            for trial in sorted((*read, *still, *(tables.copied(self._own[trial]) for trial in own)), key=id_of):
                known.keep(trial)
        seen.add(study)

    def _reread(self, connection: Connection, known: KnownTrials, running: Sequence[int]) -> list[FrozenTrial]:
        """Return trials that run elsewhere as they are now; of what they report, only what is new is read."""
        trials = {id_of(trial): trial for trial in tables.read_trials(connection, running, reports=False)}
        for trial_id, trial in trials.items():
            trial.intermediate_values = dict(known.trials[trial_id].intermediate_values)
        row_id, last = REPORTS.c.trial_intermediate_value_id, known.last_reports
        new = [and_(REPORTS.c.trial_id == trial, row_id > last.get(trial, 0)) for trial in trials]
        for row in connection.execute(select(REPORTS).where(or_(false(), *new)).order_by(row_id)) if new else ():
            trials[row.trial_id].intermediate_values[row.step] = tables.report_value(row)
            last[row.trial_id] = row.trial_intermediate_value_id
        return list(trials.values())

    @contextmanager
    def _writing(self, trial: int) -> Iterator[tuple[Connection, int]]:
        """Yield a transaction in which a trial that is not finished stays so, and its study.

        Raises:
            UpdateFinishedTrialError: it is finished.
        """
        with self._engine.begin() as connection:
            study = connection.execute(tables.LOCK_UNFINISHED, {"trial": trial}).scalar()
            if study is None:
                self._disown(trial)
                if not tables.read_trials(connection, [trial]):
                    raise KeyError(models.NOT_FOUND_MSG)
                raise UpdateFinishedTrialError(f"trial {trial} of the storage has finished")
            yield connection, study

    def _disown(self, trial: int) -> FrozenTrial | None:
        with self._lock:
            return self._own.pop(trial, None)

    def _check_compatible(self, connection: Connection, study: int, name: str, new: BaseDistribution) -> None:
        """Raise ValueError if a key had another kind of values in this study."""
        if (study, name) not in self._first:
            found = connection.execute(tables.FIRST_OF_PARAM, {"study": study, "key": name}).scalar()
            if found is None:
                return
            self._first[study, name] = tables.distribution(found)
        if self._first[study, name] != new:
            check_distribution_compatibility(self._first[study, name], new)
