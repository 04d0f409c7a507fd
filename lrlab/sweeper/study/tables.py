"""Optuna's tables of trials: how they are read and written at once, for all trials that are asked for."""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Connection, String, Table, bindparam, func, insert, literal, literal_column, select, update
from sqlalchemy.dialects import postgresql, sqlite

from lrlab.sweeper.study.trial_store import Beat, QueuedTrial, id_of

STUDIES: Table = models.StudyModel.__table__
TRIALS: Table = models.TrialModel.__table__
USER_ATTRS: Table = models.TrialUserAttributeModel.__table__
SYSTEM_ATTRS: Table = models.TrialSystemAttributeModel.__table__
PARAMS: Table = models.TrialParamModel.__table__
VALUES: Table = models.TrialValueModel.__table__
REPORTS: Table = models.TrialIntermediateValueModel.__table__
BEATS: Table = models.TrialHeartbeatModel.__table__
FIXED = "fixed_params"  # under which Optuna keeps the values of a queued trial
UNFINISHED = (TrialState.RUNNING, TrialState.WAITING)
CHUNK = 500  # trials in one statement

# Statements that are run for every trial, made once
_STUDY: Any = bindparam("study")
_TRIAL: Any = bindparam("trial")
_KEY: Any = bindparam("key")
_VALUE: Any = bindparam("value")
_OUTCOME = USER_ATTRS.alias()
COUNT_STATES = (
    select(TRIALS.c.state, func.count()).select_from(TRIALS).where(TRIALS.c.study_id == _STUDY).group_by(TRIALS.c.state)
)
COUNT_FAILURES = (
    select(_OUTCOME.c.value_json, func.count())
    .select_from(
        TRIALS.outerjoin(_OUTCOME, (_OUTCOME.c.trial_id == TRIALS.c.trial_id) & (_OUTCOME.c.key == _KEY)),
    )
    .where(TRIALS.c.study_id == _STUDY, TRIALS.c.state == TrialState.FAIL)
    .group_by(_OUTCOME.c.value_json)
)
RUNNING = (
    select(TRIALS.c.trial_id)
    .where(TRIALS.c.study_id == _STUDY, TRIALS.c.state == TrialState.RUNNING)
    .order_by(TRIALS.c.trial_id)
)
CLAIMED = (
    select(TRIALS)
    .join(USER_ATTRS, USER_ATTRS.c.trial_id == TRIALS.c.trial_id)
    .where(TRIALS.c.study_id == _STUDY, TRIALS.c.state == TrialState.RUNNING)
    .where(USER_ATTRS.c.key == _KEY, USER_ATTRS.c.value_json == _VALUE)
)
FIRST_WAITING = (
    select(TRIALS.c.trial_id)
    .where(TRIALS.c.study_id == _STUDY, TRIALS.c.state == TrialState.WAITING)
    .order_by(TRIALS.c.trial_id)
    .limit(1)
)
START_FIRST_WAITING = (
    update(TRIALS)
    .where(TRIALS.c.trial_id == FIRST_WAITING.with_for_update(skip_locked=True).scalar_subquery())
    .values(state=TrialState.RUNNING, datetime_start=bindparam("now"))
    .returning(*TRIALS.c)
)
LOCK_RUNNING = (
    select(TRIALS.c.study_id).where(TRIALS.c.trial_id == _TRIAL, TRIALS.c.state == TrialState.RUNNING).with_for_update()
)
LOCK_UNFINISHED = (
    select(TRIALS.c.study_id).where(TRIALS.c.trial_id == _TRIAL, TRIALS.c.state.in_(UNFINISHED)).with_for_update()
)
FINISH = (
    update(TRIALS)
    .where(TRIALS.c.trial_id == _TRIAL, TRIALS.c.state.in_(UNFINISHED))
    .values(state=bindparam("end"), datetime_complete=bindparam("now"))
    .returning(*TRIALS.c)
)
OF_ATTRIBUTE = select(SYSTEM_ATTRS.c.trial_id).where(SYSTEM_ATTRS.c.key == _KEY, SYSTEM_ATTRS.c.value_json == _VALUE)
FURTHER = select(TRIALS.c.trial_id).where(TRIALS.c.study_id == _STUDY, TRIALS.c.trial_id > bindparam("last"))
STUDY_OF_NAME = select(STUDIES.c.study_id).where(STUDIES.c.study_name == bindparam("name"))
FIRST_OF_PARAM = (
    select(PARAMS.c.distribution_json)
    .join(TRIALS, TRIALS.c.trial_id == PARAMS.c.trial_id)
    .where(TRIALS.c.study_id == _STUDY, PARAMS.c.param_name == _KEY)
    .order_by(PARAMS.c.param_id)
    .limit(1)
)
_OF_TRIALS = {
    table: select(table).where(table.c.trial_id.in_(bindparam("ids", expanding=True))).order_by(order)
    for table, order in {
        TRIALS: TRIALS.c.trial_id,
        USER_ATTRS: USER_ATTRS.c.trial_user_attribute_id,
        SYSTEM_ATTRS: SYSTEM_ATTRS.c.trial_system_attribute_id,
        PARAMS: PARAMS.c.param_id,
        VALUES: VALUES.c.objective,
        REPORTS: REPORTS.c.trial_intermediate_value_id,
    }.items()
}


def read_trials(connection: Connection, ids: Sequence[int], *, reports: bool = True) -> list[FrozenTrial]:
    """Return the trials with these ids, in the order of the ids; those that do not exist are left out.

    Args:
        reports: whether to read their intermediate values, too.
    """
    trials = []
    for chunk in (ids[i : i + CHUNK] for i in range(0, len(ids), CHUNK)):
        read = list(map(trial_of, connection.execute(_OF_TRIALS[TRIALS], {"ids": chunk})))
        begun = [trial for trial in read if trial.state != TrialState.WAITING]
        add_attributes(connection, read)
        add_results(connection, begun, reports=reports)
        trials += read
    return trials


def trial_of(row: Any) -> FrozenTrial:
    """Return the trial of a row of `TRIALS`, without what is in other tables."""
    return FrozenTrial(
        number=row.number,
        state=row.state,
        value=None,
        values=None,
        datetime_start=_local(row.datetime_start),
        datetime_complete=_local(row.datetime_complete),
        params={},
        distributions={},
        user_attrs={},
        system_attrs={},
        intermediate_values={},
        trial_id=row.trial_id,
    )


def add_attributes(connection: Connection, trials: Sequence[FrozenTrial]) -> None:
    """Add the attributes of trials, which is all that those have that wait."""
    for table, name in ((USER_ATTRS, "user_attrs"), (SYSTEM_ATTRS, "system_attrs")):
        for trial, row in _rows(connection, table, trials):
            getattr(trial, name)[row.key] = json.loads(row.value_json)


def add_results(connection: Connection, trials: Sequence[FrozenTrial], *, reports: bool) -> None:
    """Add the values and the objectives of trials, and what they reported."""
    for trial, row in _rows(connection, PARAMS, trials):
        kind = trial.distributions[row.param_name] = distribution(row.distribution_json)
        trial.params[row.param_name] = kind.to_external_repr(row.param_value)
    for trial, row in _rows(connection, VALUES, trials):
        value = models.TrialValueModel.stored_repr_to_value(row.value, row.value_type)
        trial.values = [*(trial.values or ()), value]
    for trial, row in _rows(connection, REPORTS, trials if reports else ()):
        trial.intermediate_values[row.step] = report_value(row)


def _rows(connection: Connection, table: Table, trials: Sequence[FrozenTrial]) -> Iterator[tuple[FrozenTrial, Any]]:
    by_id = {id_of(trial): trial for trial in trials}
    if by_id:
        for row in connection.execute(_OF_TRIALS[table], {"ids": list(by_id)}):
            yield by_id[row.trial_id], row


def report_value(row: Any) -> float:
    """Return the intermediate value in a row of `REPORTS`."""
    restore = models.TrialIntermediateValueModel.stored_repr_to_intermediate_value
    return float(restore(row.intermediate_value, row.intermediate_value_type))


def add_trials(connection: Connection, study: int, trials: Sequence[QueuedTrial]) -> Sequence[int]:
    """Add trials that wait, with the numbers that follow; return their ids."""
    if not trials:
        return []
    connection.execute(select(STUDIES.c.study_id).where(STUDIES.c.study_id == study).with_for_update())
    count = connection.execute(select(func.count()).where(TRIALS.c.study_id == study)).scalar_one()
    rows = [
        {"study_id": study, "number": count + i, "state": TrialState.WAITING, "datetime_start": None}
        for i in range(len(trials))
    ]
    added = insert(TRIALS).returning(TRIALS.c.trial_id, sort_by_parameter_order=True)
    ids = connection.execute(added, rows).scalars().all()
    fixed = [
        {"trial_id": trial, "key": FIXED, "value_json": json.dumps(dict(each.params))}
        for trial, each in zip(ids, trials, strict=True)
    ]
    connection.execute(insert(SYSTEM_ATTRS), fixed)
    attributes = [
        {"trial_id": trial, "key": key, "value_json": json.dumps(value)}
        for trial, each in zip(ids, trials, strict=True)
        for key, value in each.user_attrs.items()
    ]
    if attributes:
        connection.execute(insert(USER_ATTRS), attributes)
    return ids


def upsert(connection: Connection, table: Table, keys: Sequence[str], row: Mapping[str, Any]) -> None:
    """Insert a row, or replace the one with the same keys, the first columns of it."""
    connection.execute(_upsert(connection.dialect.name, table, tuple(keys), tuple(row)), row)


@lru_cache
def _upsert(dialect: str, table: Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> Any:
    make: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    rows = make(table)
    changed = {column: rows.excluded[column] for column in columns if column not in keys}
    return rows.on_conflict_do_update(index_elements=keys, set_=changed)


def set_attribute(connection: Connection, table: Table, trial: int, key: str, value: Any) -> None:
    upsert(connection, table, ("trial_id", "key"), {"trial_id": trial, "key": key, "value_json": json.dumps(value)})


def beat(connection: Connection, trials: Sequence[int]) -> None:
    """Note a sign of life for trials, by the clock of the database."""
    connection.execute(_beat(connection.dialect.name), {"ids": trials})


@lru_cache
def _beat(dialect: str) -> Any:
    make: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    chosen = select(TRIALS.c.trial_id, _now_of(dialect)).where(TRIALS.c.trial_id.in_(bindparam("ids", expanding=True)))
    rows = make(BEATS).from_select(["trial_id", "heartbeat"], chosen)
    return rows.on_conflict_do_update(index_elements=["trial_id"], set_={"heartbeat": rows.excluded.heartbeat})


def beats(connection: Connection, study: int) -> dict[int, Beat]:
    """Return the latest sign of life of the running trials of a study.

    Those of before the server's start are as old as that: nobody could give one since. SQLite has no clock but the
    host's, which may jump: there none has an age.
    """
    age: Any = literal(0.0)
    if connection.dialect.name == "postgresql":
        started = func.timezone("UTC", func.pg_postmaster_start_time())
        age = func.extract("epoch", _now_of("postgresql") - func.greatest(BEATS.c.heartbeat, started))
    latest = (
        select(TRIALS.c.trial_id, BEATS.c.heartbeat.cast(String), age)
        .select_from(TRIALS.outerjoin(BEATS, BEATS.c.trial_id == TRIALS.c.trial_id))
        .where(TRIALS.c.study_id == study, TRIALS.c.state == TrialState.RUNNING)
    )
    return {
        trial: Beat(value, float(seconds or 0) if value else 0.0)
        for trial, value, seconds in connection.execute(latest)
    }


def _now_of(dialect: str) -> Any:
    if dialect == "postgresql":
        return func.timezone("UTC", func.clock_timestamp())
    return literal_column("strftime('%Y-%m-%d %H:%M:%f', 'now')")


@lru_cache(maxsize=1024)
def distribution(text: str) -> BaseDistribution:
    return json_to_distribution(text)


def now() -> datetime:
    """Return the time as Optuna stores it: of the host, in UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def _local(stored: datetime | None) -> datetime | None:
    return None if stored is None else stored.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)


def copied(trial: FrozenTrial) -> FrozenTrial:
    """Return a trial with dictionaries of its own."""
    trial = copy(trial)
    trial.params, trial.distributions = dict(trial.params), dict(trial.distributions)
    trial.user_attrs, trial.system_attrs = dict(trial.user_attrs), dict(trial.system_attrs)
    trial.intermediate_values = dict(trial.intermediate_values)
    return trial
