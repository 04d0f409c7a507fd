import resource
import sqlite3
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tracking import empty_database
from lrlab.tracking.database import address, create_database, sqlite_url
from lrlab.tracking.mlflow import Mlflow


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (None, "sqlite:////work/outputs/mlflow.db"),
        ("sqlite:///runs.db", "sqlite:////work/runs.db"),
        ("sqlite:////data/runs.db", "sqlite:////data/runs.db"),
        ("http://host:5000", "http://host:5000"),
        ("postgresql://host/runs", "postgresql://host/runs"),
    ],
)
def test_addresses_are_absolute(
    uri: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert address(uri, "outputs") == expected.replace("/work", str(tmp_path))


@pytest.mark.parametrize("uri", ["http://host", "sqlite://", "postgresql://host/runs"])
def test_what_is_not_an_sqlite_file(uri: str) -> None:
    assert sqlite_url(uri) is None


def test_a_new_store_belongs_to_its_owner_alone(fresh_store: Path) -> None:
    found = {path.name: oct(path.stat().st_mode & 0o777) for path in fresh_store.iterdir()}
    assert found == {"mlflow.db": "0o600", "mlartifacts": "0o700"}
    assert fresh_store.stat().st_mode & 0o777 == 0o700


def test_a_new_store_has_one_experiment_of_ours_and_a_log_of_writes(fresh_store: Path) -> None:
    db = sqlite3.connect(fresh_store / "mlflow.db")
    experiments = db.execute("SELECT name, artifact_location FROM experiments ORDER BY experiment_id").fetchall()
    root = fresh_store / "mlartifacts"
    assert experiments == [("Default", f"{root}/0"), ("lrlab", f"{root}/1")]
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


def test_a_store_that_is_there_stays_as_it_is(outputs: str) -> None:
    file = Path(outputs) / "mlflow.db"
    Mlflow().open(outputs).close()
    before = file.read_bytes()
    Mlflow().open(outputs).close()
    assert file.read_bytes() == before


@pytest.mark.parametrize("written_down", [True, False])
def test_a_store_that_a_disk_has_no_room_for(
    written_down: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not written_down:
        without_sql(tmp_path, monkeypatch)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(InputError, match=r"^MLflow cannot create a store in [^\n]*: [^\n]*disk[^\n]*$"):
            create_database(tmp_path / "mlflow.db", tmp_path / "mlartifacts")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.name for path in tmp_path.iterdir()} == {"mlartifacts"}


def test_what_mlflow_says_is_passed_on_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_sql(tmp_path, monkeypatch)
    monkeypatch.setenv("PYTHONHOME", str(tmp_path / "nowhere"))  # no Python starts with this
    with pytest.raises(InputError, match=r"^MLflow cannot create [^\n]+$"):
        create_database(tmp_path / "mlflow.db", tmp_path / "mlartifacts")
    assert not (tmp_path / "mlflow.db").exists()


def without_sql(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the empty database be written down nowhere, as that of another MLflow than the usual one."""
    monkeypatch.setattr(empty_database, "SHIPPED", folder)
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
