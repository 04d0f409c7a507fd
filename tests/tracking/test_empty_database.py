"""The empty database, written down as SQL."""

import re
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from lrlab.tracking import empty_database
from lrlab.tracking.artifacts import location
from lrlab.tracking.database import create_database

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "lrlab" / "mlflow"


@pytest.fixture
def unshipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with another MLflow than the usual one."""
    monkeypatch.setattr(empty_database, "SHIPPED", tmp_path)


def made(folder: Path) -> Path:
    create_database(folder / "mlflow.db", folder / "mlartifacts")
    return folder / "mlflow.db"


def empty(file: Path) -> Path:
    file.write_bytes(b"")
    return file


def content(file: Path) -> dict[str, list[Any]]:
    """Return the schema, and all rows of all tables.

    In which order MLflow's migrations write the constraints of a table down changes from process to process.
    """
    with closing(sqlite3.connect(file)) as db:
        found = db.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master ORDER BY type, name")
        schema = [(*names, sorted(line.strip(" \t,") for line in sql.splitlines())) for *names, sql in found]
        tables = [name for kind, name, *_ in schema if kind == "table"]
        db.execute("UPDATE experiments SET creation_time = 0, last_update_time = 0")
        return {"schema": schema} | {table: db.execute(f"SELECT * FROM {table}").fetchall() for table in tables}


def test_every_store_is_as_mlflow_makes_it(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped one, if the installed MLflow is that of constraints.txt; a cached one; with places of their own."""
    usual = made(tmp_path / "usual")
    monkeypatch.setattr(empty_database, "SHIPPED", tmp_path)
    stores = [usual, made(tmp_path / "by MLflow"), made(tmp_path / "again")]
    found = [content(store) for store in stores]
    for store, had in zip(stores, found, strict=True):
        ((number, name, place, stage, *_),) = had.pop("experiments")
        assert (number, name, place, stage) == (0, "Default", f"{location(store.parent / 'mlartifacts')}/0", "active")
        with closing(sqlite3.connect(store)) as db:
            assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert db.execute("PRAGMA quick_check").fetchone() == ("ok",)
    assert len(found[0]["alembic_version"]) == 1
    again = f"write what is in {cache} to {ROOT / 'lrlab' / 'tracking'}"
    assert found[0] == found[1], again
    assert found[2] == found[1]
    assert [file.name for file in cache.iterdir()] == [f"mlflow_{version('mlflow')}.sql"]


def test_the_database_of_the_usual_mlflow_ships_and_no_other() -> None:
    usual = re.search(r"^mlflow==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert usual
    assert [file.name for file in (ROOT / "lrlab" / "tracking").glob("*.sql")] == [f"mlflow_{usual[1]}.sql"]


@pytest.mark.usefixtures("unshipped")
@pytest.mark.parametrize(
    "sql",
    [
        b"",
        b"no SQL",
        b"\xff\xfe",
        b"BEGIN; CREATE TABLE experiments (experiment_id INTEGER);",  # cut off
        b"BEGIN; CREATE TABLE runs (run_uuid TEXT); COMMIT;",  # another program's
        b"ATTACH 'elsewhere.db' AS other;",
    ],
)
def test_what_is_no_sound_database_is_not_used(
    sql: bytes, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    (cache / empty_database.name()).write_bytes(sql)
    assert not empty_database.create(empty(tmp_path / "new.db"), "place")
    assert not (tmp_path / "elsewhere.db").exists()


@pytest.mark.usefixtures("unshipped")
def test_what_is_kept_is_whole_and_replaces_what_is_not_sound(tmp_path: Path, cache: Path) -> None:
    file = empty(tmp_path / "new.db")
    with closing(sqlite3.connect(file)) as db:
        db.executescript(
            "CREATE TABLE experiments (experiment_id, artifact_location, creation_time, last_update_time);"
            "INSERT INTO experiments VALUES (0, 'here', 7, 7), (1, 'there', 7, 7);"
        )
    cache.mkdir(parents=True)
    (cache / empty_database.name()).write_text("no SQL")
    empty_database.keep(file)
    assert empty_database.create(empty(tmp_path / "copy.db"), "/place")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as db:
        rows = db.execute("SELECT experiment_id, artifact_location FROM experiments").fetchall()
    assert rows == [(0, "/place/0"), (1, "there")]
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT DISTINCT creation_time FROM experiments").fetchall() == [(7,)]


@pytest.mark.usefixtures("unshipped")
def test_without_a_cache_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    file = empty(tmp_path / "new.db")
    empty_database.keep(file)
    assert not empty_database.create(file, "place")
