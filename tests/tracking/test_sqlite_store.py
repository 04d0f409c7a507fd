import json
import math
import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import RFC_4122, UUID

import pytest

from lrlab.config.sqlite_url import SqliteUrl
from lrlab.errors import InputError
from lrlab.tracking.client_store import ClientStore
from lrlab.tracking.database import address
from lrlab.tracking.sqlite_store import COLUMNS, SqliteStore, new_id, schema_is_supported
from lrlab.tracking.store import MetricPoint, MissingRunError, RunSpec, RunUpdate, Store
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import DatasetInfo, RunRecord

DIGITS = DatasetInfo("digits", "0f" * 32, "scikit-learn", {"train": 1437, "validation": 0})
BEGUN = 1_700_000_000_000
HISTORY = [
    [MetricPoint("val/loss", 2.5, BEGUN, 0), MetricPoint("val/loss", 1.5, BEGUN, 1), MetricPoint("lr", 0.1, BEGUN, 0)],
    [
        MetricPoint("val/loss", 1.25, BEGUN + 5, 1),
        MetricPoint("lr", math.nan, BEGUN, 0),
        MetricPoint("lr", math.inf, BEGUN, 2),
    ],
    [
        MetricPoint("val/loss", 9.0, BEGUN + 9, 0),
        MetricPoint("lr", -math.inf, BEGUN, 2),
        MetricPoint("lr", 0.1, BEGUN, 0),
    ],
    [],
]


@pytest.fixture
def file(outputs: str) -> Path:
    return Path(outputs) / "mlflow.db"


@pytest.fixture
def direct(file: Path) -> Iterator[SqliteStore]:
    with closing(SqliteStore(SqliteUrl(file), "lrlab", file.parent / "mlartifacts")) as store:
        yield store


@pytest.fixture
def client(outputs: str, direct: SqliteStore) -> ClientStore:
    return ClientStore(address(None, outputs), "lrlab", None)


def write_a_run(store: Store) -> str:
    tags = {Tag.NAME: "trial 7", Tag.PARENT: "a" * 32, "mlflow.user": "ada", "lrlab.trial": "7"}
    run_id = store.create_run(RunSpec(BEGUN, {"optimizer.lr": "0.001", "seed": "0"}, tags, DIGITS))
    for points in HISTORY:
        store.write(run_id, RunUpdate(points))
    store.write(run_id, RunUpdate(tags={"lrlab.trial": "8", "lrlab.pruned": "true"}))
    store.write(run_id, RunUpdate([MetricPoint("test/accuracy", 0.97, BEGUN, 3)], status="KILLED"))
    return run_id


def told(record: RunRecord) -> dict[str, Any]:
    """A record such that NaN equals NaN and values of the same moment are in one order."""
    metrics = {key: sorted(map(repr, points)) for key, points in record.metrics.items()}
    return {**vars(record), "metrics": metrics}


def rows(file: Path, run_id: str) -> dict[str, list[Any]]:
    """Every row of a run in every table, but for the ids and the moment it ended."""
    hidden = {"run_uuid", "end_time", "dataset_uuid", "input_uuid", "source_id", "destination_id"}
    wheres = {
        **dict.fromkeys(["runs", "params", "tags", "metrics", "latest_metrics"], "run_uuid = ?"),
        "inputs": "destination_id = ?",
        "datasets": "dataset_uuid IN (SELECT source_id FROM inputs WHERE destination_id = ?)",
        "input_tags": "input_uuid IN (SELECT input_uuid FROM inputs WHERE destination_id = ?)",
    }
    found = {}
    with sqlite3.connect(file) as db:
        for table, where in wheres.items():
            cursor = db.execute(f"SELECT * FROM {table} WHERE {where}", (run_id,))
            names = [column[0] for column in cursor.description]
            plain = [
                {name: str(value).replace(run_id, "RUN") for name, value in zip(names, row, strict=True)}
                for row in cursor
            ]
            found[table] = sorted(sorted((k, v) for k, v in row.items() if k not in hidden) for row in plain)
    db.close()
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
class TestAgainstTheClient:
    @pytest.mark.parametrize("first", ["direct", "client"])
    def test_every_table_holds_the_same_rows(
        self, file: Path, direct: SqliteStore, client: ClientStore, first: str
    ) -> None:
        order: list[Store] = [direct, client] if first == "direct" else [client, direct]
        one, other = (rows(file, write_a_run(store)) for store in order)
        assert one == other
        # Guards the comparison itself: nothing of it is empty, nothing was left out
        assert {table: len(content) for table, content in one.items()} == {
            **{"runs": 1, "params": 2, "tags": 5, "metrics": 9, "latest_metrics": 3},
            **{"inputs": 1, "datasets": 1, "input_tags": 1},
        }
        assert one.keys() == COLUMNS.keys() - {"experiments", "experiment_tags"}

    def test_the_client_sees_the_same_run(self, direct: SqliteStore, client: ClientStore) -> None:
        mlflow_client = client._client
        seen = []
        for run_id in (write_a_run(direct), write_a_run(client)):
            run = mlflow_client.get_run(run_id)
            whole = run.to_dictionary()
            assert whole["info"].pop("end_time") >= BEGUN
            history = mlflow_client.get_metric_history(run_id, "val/loss")
            places = sorted((point.step, point.timestamp, point.value) for point in history)
            seen.append((json.loads(json.dumps(whole).replace(run_id, "RUN")), places))
        assert seen[0][0]["inputs"]["dataset_inputs"]
        assert seen[0] == seen[1]
        found = mlflow_client.search_runs(
            ["1"], f"params.seed = '0' and tags.`{Tag.PARENT}` = '{'a' * 32}' and metrics.`test/accuracy` > 0.9"
        )
        assert len(found) == 2

    def test_a_run_goes_on_in_both_ways(self, direct: SqliteStore, client: ClientStore) -> None:
        for store in (direct, client):
            run_id = store.create_run(RunSpec(BEGUN, {}, {Tag.NAME: "run"}, None))
            store.write(run_id, RunUpdate(status="KILLED"))
            store.write(run_id, RunUpdate(status="RUNNING"))
            info = client._client.get_run(run_id).info
            assert info.status == "RUNNING"
            assert info.end_time is None or store is client  # MLflow's client cannot take it back
            store.write(run_id, RunUpdate(status="FINISHED"))
            assert client._client.get_run(run_id).info.end_time >= BEGUN

    def test_deleted_runs_are_gone_and_can_be_restored(
        self, file: Path, direct: SqliteStore, client: ClientStore
    ) -> None:
        run_id = write_a_run(direct)
        client._client.delete_run(run_id)
        for store in (direct, client):
            assert store.child_runs("a" * 32) == []
            with pytest.raises(MissingRunError) as error:
                store.get_run(run_id)
            assert str(error.value).startswith(
                f"run {run_id} was deleted in MLflow; `MLFLOW_TRACKING_URI=sqlite:///{file} "
            )
            assert str(error.value).endswith(f" runs restore --run-id {run_id}` brings it back")
            with pytest.raises(MissingRunError, match=r"^run_id '0' is not in .*: it was deleted for good"):
                store.get_run("0")

    def test_a_deleted_experiment_can_be_restored(self, file: Path, direct: SqliteStore, client: ClientStore) -> None:
        client._client.delete_experiment("1")
        said = r"experiments restore --experiment-id 1` brings it back with its runs$"
        with pytest.raises(InputError, match=said):
            SqliteStore(SqliteUrl(file), "lrlab", file.parent)
        with pytest.raises(InputError, match=said):
            ClientStore(f"sqlite:///{file}", "lrlab", None)

    def test_each_reads_what_the_other_wrote(self, direct: SqliteStore, client: ClientStore) -> None:
        for run_id in (write_a_run(direct), write_a_run(client)):
            assert told(direct.get_run(run_id)) == told(client.get_run(run_id))
        of_direct, of_client = (
            {child.run_id: told(child) for child in store.child_runs("a" * 32)} for store in (direct, client)
        )
        assert len(of_direct) == 2
        assert of_direct == of_client


class TestSqliteStore:
    def test_repeating_a_write_changes_nothing(self, file: Path, direct: SqliteStore) -> None:
        run_id = direct.create_run(RunSpec(BEGUN, {}, {Tag.NAME: "run"}, None))
        direct.write(run_id, RunUpdate(HISTORY[0]))
        once = rows(file, run_id)
        direct.write(run_id, RunUpdate(HISTORY[0]))
        assert rows(file, run_id) == once

    def test_a_write_that_fails_leaves_nothing(self, file: Path, direct: SqliteStore) -> None:
        run_id = direct.create_run(RunSpec(BEGUN, {}, {Tag.NAME: "run"}, None))
        before = rows(file, run_id)
        bad_key: Any = None
        with pytest.raises(InputError, match="NOT NULL"):
            direct.write(run_id, RunUpdate([*HISTORY[0], MetricPoint(bad_key, 1.0, BEGUN, 0)]))
        assert rows(file, run_id) == before

    def test_runs_of_one_data_set_share_its_row(self, file: Path, direct: SqliteStore) -> None:
        for data in (DIGITS, DIGITS, DatasetInfo("digits", "other")):
            direct.create_run(RunSpec(BEGUN, {}, {Tag.NAME: "run"}, data))
        with sqlite3.connect(file) as db:
            assert db.execute("SELECT name, digest FROM datasets ORDER BY 2").fetchall() == [
                ("digits", "0f" * 18),
                ("digits", "other"),
            ]
        db.close()

    def test_a_full_disk_is_said_and_takes_nothing_with_it(self, file: Path, direct: SqliteStore) -> None:
        run_id = direct.create_run(RunSpec(BEGUN, {}, {Tag.NAME: "run"}, None))
        before = rows(file, run_id)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        try:
            with pytest.raises(
                InputError, match=rf"^the MLflow store {file} cannot be written: .*; check that its disk"
            ):
                direct.write(run_id, RunUpdate([MetricPoint(f"loss{i}", 1.0, BEGUN, 0) for i in range(5000)]))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert rows(file, run_id) == before

    def test_a_store_that_may_only_be_read_is_said(self, file: Path, direct: SqliteStore) -> None:
        direct._db.execute("PRAGMA query_only = ON")
        with pytest.raises(
            InputError, match=rf"^the MLflow store {file} cannot be written: .*readonly.*; make it writable"
        ):
            direct.create_run(RunSpec(BEGUN, {}, {Tag.NAME: "run"}, None))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ("lifecycle_stage = 'deleted'", "not deleted"),
            ("artifact_location = 's3://bucket/1'", "local directory, got s3://bucket/1"),
        ],
    )
    def test_an_experiment_that_cannot_be_used_is_refused(
        self, file: Path, direct: SqliteStore, change: str, message: str
    ) -> None:
        direct.close()
        with sqlite3.connect(file) as db:
            db.execute(f"UPDATE experiments SET {change} WHERE name = 'lrlab'")
        db.close()
        with pytest.raises(InputError, match=message):
            SqliteStore(SqliteUrl(file), "lrlab", file.parent)


class TestSchema:
    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ("CREATE TABLE unrelated (must INTEGER NOT NULL)", True),
            ("ALTER TABLE runs ADD COLUMN may TEXT", True),
            ("ALTER TABLE runs ADD COLUMN filled TEXT NOT NULL DEFAULT ''", True),
            ("ALTER TABLE metrics RENAME COLUMN step TO moment", False),
            ("DROP TABLE params; CREATE TABLE params (run_uuid, key, value, must NOT NULL)", False),
            ("DROP TABLE input_tags", False),
            ("UPDATE alembic_version SET version_num = '1b5f0d9ad7c1'", True),
            ("UPDATE alembic_version SET version_num = 'of a later MLflow'", False),
            ("DELETE FROM alembic_version", False),
        ],
    )
    def test_tables_that_can_be_written(self, file: Path, change: str, expected: bool) -> None:
        assert schema_is_supported(SqliteUrl(file))
        with sqlite3.connect(file) as db:
            db.executescript(change)
        db.close()
        assert schema_is_supported(SqliteUrl(file)) == expected

    def test_another_file_is_refused(self, tmp_path: Path) -> None:
        other = tmp_path / "notes.db"
        other.write_text("This is not a database. " * 100)
        with pytest.raises(InputError, match="usable MLflow database"):
            schema_is_supported(SqliteUrl(other))


def test_the_metric_that_was_given_first_is_the_first_of_a_run(direct: SqliteStore, file: Path) -> None:
    """MLflow opens a comparison on it."""
    run_id = direct.create_run(RunSpec(BEGUN, {}, {Tag.NAME: "run"}, None))
    names = ["val/loss", "val/accuracy", "train/loss", "lr"]
    for step in (2, 1):
        values = (2.5, 0.9, 2.0, 0.1)
        direct.write(
            run_id,
            RunUpdate([MetricPoint(name, value, BEGUN, step) for name, value in zip(names, values, strict=True)]),
        )
    with closing(sqlite3.connect(file)) as db:
        stored = db.execute("SELECT key, step FROM latest_metrics WHERE run_uuid = ?", (run_id,)).fetchall()
    assert stored == [(name, 2) for name in names]


def test_ids_are_uuids_in_the_order_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the rows of runs that follow one another are neighbours in every index."""
    now = iter(range(1_800_000_000_000_000_000, 1_800_000_001_000_000_000, 1_000_000))
    monkeypatch.setattr(time, "time_ns", lambda: next(now))
    ids = [new_id() for _ in range(500)]
    assert ids == sorted(set(ids))
    assert {(UUID(each).version, UUID(each).variant, UUID(each).hex == each) for each in ids} == {(7, RFC_4122, True)}


def test_ids_of_one_moment_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_800_000_000_000_000_000)
    assert len({new_id() for _ in range(1000)}) == 1000
