"""The empty database in the user's cache."""

import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

from lrlab.tracking import empty_database
from lrlab.tracking.database import create_database

QUERY = "SELECT name, artifact_location, lifecycle_stage FROM experiments"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "lrlab" / "mlflow"


def experiments(file: Path) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(file)) as db:
        return db.execute(QUERY).fetchall()


def schema(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as db:
        return [row[0] for row in db.execute("SELECT sql FROM sqlite_master ORDER BY name")]


def test_the_second_store_is_a_copy_of_the_first_with_places_of_its_own(tmp_path: Path, cache: Path) -> None:
    for name in ("first", "second"):
        create_database(tmp_path / name / "mlflow.db", tmp_path / name / "mlartifacts")
        location = str(tmp_path / name / "mlartifacts" / "0")
        assert experiments(tmp_path / name / "mlflow.db") == [("Default", location, "active")]
    assert schema(tmp_path / "first" / "mlflow.db") == schema(tmp_path / "second" / "mlflow.db")
    assert [file.name for file in cache.iterdir()] == [f"{version('mlflow')}.db"]


def test_what_is_no_sound_database_is_not_used(tmp_path: Path, cache: Path) -> None:
    cache.mkdir(parents=True)
    file = tmp_path / "new.db"
    for content in (b"", b"no database" * 1000):
        (cache / f"{version('mlflow')}.db").write_bytes(content)
        file.write_bytes(b"")
        assert not empty_database.copy_to(file, "place")


def test_without_a_cache_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    file = tmp_path / "new.db"
    file.write_bytes(b"x")
    empty_database.keep(file)
    assert not empty_database.copy_to(file, "place")
