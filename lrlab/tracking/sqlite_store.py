"""MLflow's SQLite store, read and written without MLflow.

MLflow's client takes some 30 ms of processor time for a small run, nearly all of it in its object mapper, and
three seconds to be imported by each worker. This module writes the same rows directly, in one transaction when a run
is created and one when it is written to. A test compares all of them with the client's.

`schema_is_supported` tells whether a database is one of those; any other is written through MLflow's client instead.
"""

import math
import sqlite3
import sys
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

from lrlab.config.sqlite_url import SqliteUrl
from lrlab.errors import InputError
from lrlab.tracking import artifacts
from lrlab.tracking.artifact_root import ArtifactRoot
from lrlab.tracking.database import unusable
from lrlab.tracking.store import (
    CONTEXT,
    EXPERIMENT_KIND,
    MAX_FLOAT,
    MAX_LENGTH,
    MetricPoint,
    RunSpec,
    RunUpdate,
    dataset_profile,
    dataset_source,
    experiment_deleted,
    restore_infinity,
    run_deleted,
    run_not_found,
)
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import CONFIG, DatasetInfo, Histories, OpenRun, RunRecord, RunSummary

TABLES = {
    "experiments": "experiment_id name artifact_location lifecycle_stage creation_time last_update_time",
    "experiment_tags": "key value experiment_id",
    "runs": "run_uuid name user_id artifact_uri experiment_id status start_time end_time lifecycle_stage"
    " source_type source_name source_version entry_point_name",
    "params": "run_uuid key value",
    "tags": "run_uuid key value",
    "metrics": "run_uuid key value timestamp step is_nan",
    "latest_metrics": "run_uuid key value timestamp step is_nan",
    "datasets": "dataset_uuid experiment_id name digest dataset_source_type dataset_source dataset_profile",
    "inputs": "input_uuid source_type source_id destination_type destination_id",
    "input_tags": "input_uuid name value",
}
COLUMNS = {table: names.split() for table, names in TABLES.items()}
# Alembic revisions from MLflow 3.10.0 to 3.17.2, which have the same ten tables. Rows were compared with MLflow's own
# at the first and the last. Add a later one when `nox --session mlflow` passes with its MLflow.
REVISIONS = {
    *("1b5f0d9ad7c1", "e1f2a3b4c5d6", "76601a5f987d", "c3d6457b6d8a", "a5b4c3d2e1f0", "ae8bbe7743c9"),
    *("7d34483879f0", "da6fb0208061", "89d3d66ed43f", "b7e4c1a90f23", "a8b9c0d1e2f3", "c1d2e3f4a5b6"),
    *("c3d9e7f1a2b4", "6f8d9c3b2a1e", "1971f2d9a75b", "17e22815139b", "b7e2c1a4d9f3", "75868b020152"),
    *("dc11669786a5",),
}
INSERT = {
    table: f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    for table, columns in COLUMNS.items()
}
REPLACE_TAG = f"{INSERT['tags']} ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value"
REPLACE_LATEST = f"""{INSERT["latest_metrics"]} ON CONFLICT (key, run_uuid) DO UPDATE
    SET value = excluded.value, timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan
    WHERE (excluded.step, excluded.timestamp, excluded.value)
        > (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)"""
REPLACE_EXPERIMENT_TAG = (
    f"{INSERT['experiment_tags']} ON CONFLICT (key, experiment_id) DO UPDATE SET value = excluded.value"
)
MOST_VARIABLES = 500  # in one query
ONCE = " ON CONFLICT DO NOTHING"
CHILDREN = f"SELECT run_uuid FROM tags WHERE key = '{Tag.PARENT}' AND value = ?"


def schema_is_supported(url: SqliteUrl) -> bool:
    """Return whether a database has a known revision, all columns written here, and no other that must be filled.

    Raises:
        InputError: it is another program's.
    """
    with _translate_errors(url.file), closing(url.connect(60)) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and not {"experiments", "alembic_version"} <= tables:
            raise InputError(f"tracking.uri must name an MLflow database, got {url.file}, which is another program's")
        for table, written in COLUMNS.items():
            query = 'SELECT name, "notnull" AND dflt_value IS NULL FROM pragma_table_info(?)'
            found = dict(db.execute(query, (table,)))
            must_be_filled = {name for name, must in found.items() if must}
            if not must_be_filled <= set(written) <= found.keys():
                return False
        revisions = {revision for (revision,) in db.execute("SELECT version_num FROM alembic_version")}
    return bool(revisions) and revisions <= REVISIONS


class SqliteStore:
    """Keep runs in an SQLite file (see `Store`).

    Args:
        experiment: that new runs belong to; created when it is missing. None if there will be none.
        artifact_root: `mlartifacts/` of the output directory in use.
        view: tags of the experiment.
    """

    def __init__(
        self, url: SqliteUrl, experiment: str | None, artifact_root: Path, view: Mapping[str, str] | None = None
    ) -> None:
        file, self._uri = url.file, str(url)
        self._file = file
        self._root = ArtifactRoot.of(file, artifact_root)
        with _translate_errors(file):
            # Autocommit: transactions are spelled out. Closing at exit may happen in another thread.
            self._db = url.connect(60, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.execute("PRAGMA synchronous = NORMAL")  # no fsync each time: a killed process loses nothing
        try:
            if experiment is not None:
                self._experiment, self._artifacts = self._open_experiment(experiment)
                self._tag_experiment(view or {})
        except InputError:
            self._db.close()
            raise

    def create_run(self, run: RunSpec) -> str:
        run_id = new_id()
        row = (
            run_id,
            run.tags[Tag.NAME],
            run.tags.get(Tag.USER, "unknown"),
            f"{self._artifacts}/{run_id}/artifacts",
            self._experiment,
            *("RUNNING", run.time, None, "active"),
            *("UNKNOWN", "", "", ""),  # obsolete: MLflow reads these from the tags
        )
        with self._transaction():
            self._db.execute(INSERT["runs"], row)
            self._db.executemany(INSERT["params"], [(run_id, *param) for param in run.params.items()])
            self._db.executemany(INSERT["tags"], [(run_id, *tag) for tag in run.tags.items()])
            if run.dataset:
                self._insert_input(run_id, run.dataset)
        return run_id

    def write(self, run_id: str, update: RunUpdate) -> None:
        rows = [_row(run_id, point) for point in update.points]
        latest: dict[str, tuple[str, str, float, int, int, bool]] = {}
        for row in rows:  # in their order: MLflow opens a comparison on the metric that it has first
            before = latest.get(row[1], row)
            latest[row[1]] = max(before, row, key=lambda each: (each[4], each[3], each[2]))
        with self._transaction():
            self._place_of(run_id)
            self._db.executemany(INSERT["metrics"] + ONCE, rows)
            self._db.executemany(REPLACE_LATEST, latest.values())
            self._db.executemany(REPLACE_TAG, [(run_id, *tag) for tag in update.tags.items()])
            self._db.executemany(INSERT["params"] + ONCE, [(run_id, *param) for param in update.params.items()])
            if update.status:
                end = None if update.status == "RUNNING" else update.time or time.time_ns() // 1_000_000
                ended = (update.status, end, run_id)
                self._db.execute("UPDATE runs SET status = ?, end_time = ? WHERE run_uuid = ?", ended)

    def log_artifacts(self, run_id: str, files: Mapping[str, bytes]) -> None:
        artifacts.write(self._root.of_run(*self._place_of(run_id)), files)

    def get_run(self, run_id: str) -> RunRecord:
        records = self._records("?", run_id)
        if not records:
            self._place_of(run_id)  # raises where it never was there
            raise run_deleted(run_id, self._uri)
        return records[0]

    def child_runs(self, parent: str) -> list[RunRecord]:
        return self._records(CHILDREN, parent)

    def summaries(self, parent: str) -> list[RunSummary]:
        with _translate_errors(self._file), self._db:
            self._db.execute("BEGIN")  # one state of the database for all of them
            runs = self._query(
                f"SELECT run_uuid, name, status FROM runs WHERE lifecycle_stage = 'active' AND run_uuid IN ({CHILDREN})"
                " ORDER BY start_time, rowid",
                parent,
            ).fetchall()
            pairs = f"SELECT run_uuid, key, value FROM {{}} WHERE run_uuid IN ({CHILDREN})"
            params = _by_run(self._query(pairs.format("params"), parent))
            tags = _by_run(self._query(pairs.format("tags"), parent))
            latest: dict[str, dict[str, tuple[int, float]]] = defaultdict(dict)
            for run_id, key, step, value in self._query(
                "SELECT run_uuid, key, step, iif(is_nan, NULL, value) FROM latest_metrics"
                f" WHERE run_uuid IN ({CHILDREN})",
                parent,
            ):
                latest[run_id][sys.intern(key)] = step, _value(value)
        return [
            RunSummary(run_id, name, status, params[run_id], tags[run_id], latest[run_id])
            for run_id, name, status in runs
        ]

    def histories(self, run_ids: Sequence[str], metrics: Collection[str]) -> Histories:
        found: Histories = {run_id: {} for run_id in run_ids}
        with _translate_errors(self._file):
            for key in metrics:
                for first in range(0, len(run_ids), MOST_VARIABLES):
                    some = run_ids[first : first + MOST_VARIABLES]
                    rows = self._db.execute(
                        "SELECT run_uuid, step, iif(is_nan, NULL, value) FROM metrics WHERE key = ?"
                        f" AND run_uuid IN ({', '.join('?' * len(some))}) ORDER BY step, timestamp, rowid",
                        (key, *some),
                    )
                    for run_id, step, value in rows:
                        found[run_id].setdefault(key, []).append((step, _value(value)))
        return found

    def unfinished_runs(self) -> list[OpenRun]:
        tag = "coalesce((SELECT value FROM tags WHERE tags.run_uuid = runs.run_uuid AND key = ?), '')"
        latest = "(SELECT max(timestamp) FROM latest_metrics WHERE latest_metrics.run_uuid = runs.run_uuid)"
        query = f"""SELECT runs.run_uuid, {tag}, max(start_time, coalesce({latest}, 0)) / 1000.0, {tag}, {tag}
            FROM runs WHERE status = 'RUNNING' AND lifecycle_stage = 'active'"""
        return [OpenRun(*row) for row in self._query(query, Tag.OWNER, Tag.PARENT, Tag.TRIAL)]

    def deliver(self) -> None:
        pass

    def close(self) -> None:
        self._db.close()

    def _open_experiment(self, name: str) -> tuple[int, str]:
        found = "SELECT experiment_id, artifact_location, lifecycle_stage FROM experiments WHERE name = ?"
        row = self._query(found, name).fetchone()
        if not row:
            now = time.time_ns() // 1_000_000
            with self._transaction():  # the one who comes second finds the first one's
                self._db.execute(INSERT["experiments"] + ONCE, (None, name, "", "active", now, now))
                self._db.execute(
                    "UPDATE experiments SET artifact_location = ? || experiment_id"
                    " WHERE name = ? AND artifact_location = ''",
                    (f"{artifacts.location(self._root.folder)}/", name),
                )
                (experiment,) = self._query("SELECT experiment_id FROM experiments WHERE name = ?", name).fetchone()
                self._db.execute(INSERT["experiment_tags"] + ONCE, (*EXPERIMENT_KIND, experiment))
            row = self._query(found, name).fetchone()
        experiment, location, stage = row
        location = self._root.of_experiment(location, experiment)
        if stage != "active":
            raise experiment_deleted(name, experiment, self._uri)
        return experiment, location

    def _tag_experiment(self, tags: Mapping[str, str]) -> None:
        query = "SELECT key, value FROM experiment_tags WHERE experiment_id = ?"
        has = dict(self._query(query, self._experiment).fetchall())
        new = [(key, value, self._experiment) for key, value in tags.items() if has.get(key) != value]
        if new:
            with self._transaction():
                self._db.executemany(REPLACE_EXPERIMENT_TAG, new)

    def _insert_input(self, run_id: str, dataset: DatasetInfo) -> None:
        kind, place = dataset_source(dataset)
        digest = dataset.digest[: MAX_LENGTH["digest"]]
        row = (uuid4().hex, self._experiment, dataset.name, digest, kind, place, dataset_profile(dataset))
        self._db.execute(INSERT["datasets"] + ONCE, row)
        (dataset_id,) = self._db.execute(
            "SELECT dataset_uuid FROM datasets WHERE experiment_id = ? AND name = ? AND digest = ?",
            (self._experiment, dataset.name, digest),
        ).fetchone()
        input_id = new_id()
        self._db.execute(INSERT["inputs"], (input_id, "DATASET", dataset_id, "RUN", run_id))
        self._db.execute(INSERT["input_tags"], (input_id, *CONTEXT))

    def _records(self, chosen: str, argument: str) -> list[RunRecord]:
        """Return the runs whose ids the SQL expression `chosen` gives, in four queries however many there are."""
        with _translate_errors(self._file), self._db:
            self._db.execute("BEGIN")  # one state of the database for all of them
            runs = self._query(
                "SELECT run_uuid, runs.name, status, artifact_uri, experiment_id, experiments.name FROM runs"
                " JOIN experiments USING (experiment_id) WHERE runs.lifecycle_stage = 'active'"
                f" AND run_uuid IN ({chosen}) ORDER BY start_time, runs.rowid",
                argument,
            ).fetchall()
            pairs = "SELECT run_uuid, key, value FROM {} WHERE run_uuid IN ({})"
            params = _by_run(self._query(pairs.format("params", chosen), argument))
            tags = _by_run(self._query(pairs.format("tags", chosen), argument))
            history = self._query(
                "SELECT run_uuid, key, step, iif(is_nan, NULL, value) FROM metrics"
                f" WHERE run_uuid IN ({chosen}) ORDER BY key, step, timestamp, rowid",
                argument,
            )
            metrics: dict[str, dict[str, list[tuple[int, float]]]] = defaultdict(dict)
            for run_id, key, step, value in history:
                metrics[run_id].setdefault(key, []).append((step, _value(value)))
        return [
            RunRecord(
                run_id,
                name,
                status,
                tags[run_id].get(Tag.PARENT),
                params[run_id],
                tags[run_id],
                artifacts.read(self._root.of_run(uri, number, run_id), CONFIG).decode(),
                metrics[run_id],
                experiment,
                str(number),
            )
            for run_id, name, status, uri, number, experiment in runs
        ]

    def _place_of(self, run_id: str) -> tuple[str, int, str]:
        """Return what `ArtifactRoot.of_run` takes."""
        query = "SELECT artifact_uri, experiment_id, run_uuid FROM runs WHERE run_uuid = ?"
        row: tuple[str, int, str] | None = self._query(query, run_id).fetchone()
        if not row:
            raise run_not_found(run_id, self._uri, self._file)
        return row

    def _query(self, sql: str, *arguments: str | int) -> sqlite3.Cursor:
        with _translate_errors(self._file):
            return self._db.execute(sql, arguments)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _translate_errors(self._file), self._db:
            self._db.execute("BEGIN IMMEDIATE")  # wait for the other writers here, not halfway
            yield


def new_id() -> str:
    """Return a UUID of version 7, which begins with the time.

    Runs that are created one after another lie side by side in every index: that takes a quarter off the time of a run.
    """
    drawn = uuid4().hex
    return f"{time.time_ns() // 1_000_000:012x}7{drawn[13:]}"


def _row(run_id: str, point: MetricPoint) -> tuple[str, str, float, int, int, bool]:
    is_nan = math.isnan(point.value)
    value = 0.0 if is_nan else max(-MAX_FLOAT, min(point.value, MAX_FLOAT))
    return run_id, point.key, value, point.time, point.step, is_nan


def _value(stored: float | None) -> float:
    return math.nan if stored is None else restore_infinity(stored)


def _by_run(rows: Iterable[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    """Return the values by run and key; equal texts, of which there are many, are one object."""
    grouped: dict[str, dict[str, str]] = defaultdict(dict)
    texts: dict[str, str] = {}
    for run_id, key, value in rows:
        grouped[run_id][texts.setdefault(key, key)] = texts.setdefault(value, value)
    return grouped


@contextmanager
def _translate_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise unusable(file, error) from error
