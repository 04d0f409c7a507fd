import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from lrlab.config.sqlite_url import SqliteUrl
from lrlab.errors import InputError
from lrlab.tracking import artifacts
from lrlab.tracking.artifact_root import ArtifactRoot, relocate

RUN = "0f" * 16
TAIL = f"1/{RUN}/artifacts"


def store(outputs: Path, root: str) -> SqliteUrl:
    """A database of an output directory whose artifacts were recorded below `root`."""
    outputs.mkdir(parents=True, exist_ok=True)
    url = SqliteUrl(outputs / "mlflow.db")
    with closing(url.connect(1)) as db, db:
        db.execute("CREATE TABLE experiments (experiment_id INTEGER, artifact_location TEXT)")
        db.execute("CREATE TABLE runs (run_uuid TEXT, experiment_id INTEGER, artifact_uri TEXT)")
        db.execute("CREATE TABLE model_versions (source TEXT)")  # of a version without storage_location
        db.executemany("INSERT INTO experiments VALUES (?, ?)", [(1, f"{root}/1"), (2, "/data/mine"), (3, "s3://b/3")])
        own = [(RUN, 1, f"{root}/{TAIL}"), ("a", 2, "/data/mine/a/artifacts"), ("b", 3, "s3://b/3/b/artifacts")]
        db.executemany("INSERT INTO runs VALUES (?, ?, ?)", own)
        db.executemany("INSERT INTO model_versions VALUES (?)", [(f"{root}/{TAIL}/model",), ("models:/m-1",)])
    return url


def texts(url: SqliteUrl) -> list[str]:
    with closing(url.connect(1)) as db:
        queries = ("SELECT artifact_location FROM experiments", "SELECT artifact_uri FROM runs", "TABLE model_versions")
        return [
            text for query in queries for (text,) in db.execute(query.replace("TABLE", "SELECT source FROM")).fetchall()
        ]


@pytest.mark.parametrize("old", ["/old/outputs", "file:///old%20one/outputs", "/a%b/mlartifacts/outputs"])
@pytest.mark.parametrize("new", ["moved", "with blanks", "a?b", "100%", "é#'"])
def test_what_was_recorded_below_an_earlier_folder_is_below_the_one_in_use(old: str, new: str, tmp_path: Path) -> None:
    outputs = tmp_path / new
    url, root = store(outputs, f"{old}/mlartifacts"), outputs / "mlartifacts"
    place = ArtifactRoot.of(url.file, root)
    assert place.of_run(f"{old}/mlartifacts/{TAIL}", 1, RUN) == root / TAIL
    assert artifacts.directory(place.of_experiment(f"{old}/mlartifacts/1", 1)) == root / "1"
    assert relocate(url, root) == 1
    location, mine, elsewhere, run, *others = texts(url)
    assert (mine, elsewhere) == ("/data/mine", "s3://b/3")
    assert artifacts.directory(location) == root / "1"
    assert artifacts.directory(run) == root / TAIL
    assert others[:2] == ["/data/mine/a/artifacts", "s3://b/3/b/artifacts"]
    assert artifacts.directory(others[2]) == root / TAIL / "model"
    assert others[3] == "models:/m-1"
    assert relocate(url, root) == 0


def test_a_link_to_the_output_directory_is_no_move(tmp_path: Path) -> None:
    url = store(tmp_path / "outputs", f"{tmp_path}/outputs/mlartifacts")
    (tmp_path / "link").symlink_to(tmp_path / "outputs")
    before = texts(url)
    assert relocate(SqliteUrl(tmp_path / "link" / "mlflow.db"), tmp_path / "link" / "mlartifacts") == 0
    assert texts(url) == before


def test_a_copy_never_goes_by_the_original(tmp_path: Path) -> None:
    (tmp_path / "original" / "mlartifacts" / TAIL).mkdir(parents=True)
    place = ArtifactRoot.of(tmp_path / "copy" / "mlflow.db", tmp_path / "copy" / "mlartifacts")
    assert place.of_run(f"{tmp_path}/original/mlartifacts/{TAIL}", 1, RUN) == tmp_path / "copy" / "mlartifacts" / TAIL


def test_a_shared_database_holds_the_runs_of_several_output_directories(tmp_path: Path) -> None:
    shared = tmp_path / "shared" / "runs.db"
    mine, other = tmp_path / "mine" / "mlartifacts", tmp_path / "other" / "mlartifacts"
    url = store(tmp_path / "shared", str(other))
    place = ArtifactRoot.of(shared, mine)
    assert place.of_run(f"{other}/{TAIL}", 1, RUN) == mine / TAIL  # neither is there
    (other / TAIL).mkdir(parents=True)
    assert place.of_run(f"{other}/{TAIL}", 1, RUN) == other / TAIL
    (mine / TAIL).mkdir(parents=True)  # copied with its runs
    assert place.of_run(f"{other}/{TAIL}", 1, RUN) == mine / TAIL
    before = texts(url)
    assert relocate(url, mine) == 0
    assert texts(url) == before


def test_a_database_that_is_linked_into_an_output_directory_is_shared(tmp_path: Path) -> None:
    url = store(tmp_path / "shared", f"{tmp_path}/other/mlartifacts")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mlflow.db").symlink_to(url.file)
    before = texts(url)
    assert relocate(SqliteUrl(tmp_path / "mine" / "mlflow.db"), tmp_path / "mine" / "mlartifacts") == 0
    assert texts(url) == before


def test_an_experiment_with_a_location_of_its_own_keeps_it(tmp_path: Path) -> None:
    place = ArtifactRoot.of(tmp_path / "mlflow.db", tmp_path / "mlartifacts")
    for location in ("/data/mine", "/data/mlartifacts/7"):
        assert place.of_experiment(location, 1) == location
        assert place.of_run(f"{location}/{RUN}/artifacts", 1, RUN) == Path(f"{location}/{RUN}/artifacts")
    with pytest.raises(InputError, match="local directory, got s3://"):
        place.of_experiment("s3://bucket/1", 1)


def test_what_is_no_store_is_said(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"")
    with pytest.raises(sqlite3.Error):
        relocate(SqliteUrl(tmp_path / "mlflow.db"), tmp_path / "mlartifacts")
