import resource
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tracking import artifacts


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/home/ada/outputs/mlartifacts/1", "/home/ada/outputs/mlartifacts/1"),
        ("file:///home/ada/my%20runs/1", "/home/ada/my runs/1"),
        ("mlruns/1", "mlruns/1"),
    ],
)
def test_local_locations(uri: str, expected: str) -> None:
    assert artifacts.directory(uri) == Path(expected)


@pytest.mark.parametrize("uri", ["s3://bucket/1", "mlflow-artifacts:/1", "http://host/1"])
def test_a_location_elsewhere_is_refused(uri: str) -> None:
    with pytest.raises(InputError, match=f"local directory, got {uri};"):
        artifacts.directory(uri)


def test_what_is_written_is_read_and_replaced(tmp_path: Path) -> None:
    for content in (b"first", b"second"):
        artifacts.write(tmp_path / "run", {"config.yaml": content, "plots/a.png": b"a"})
        assert artifacts.read(tmp_path / "run", "config.yaml") == content
    assert sorted(p.name for p in (tmp_path / "run").rglob("*")) == ["a.png", "config.yaml", "plots"]
    assert artifacts.read(tmp_path / "run", "nothing") == b""


@pytest.mark.parametrize("taken", ["run", "run/config.yaml/deeper", "run/.config.yaml.part/deeper"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, taken: str) -> None:
    """Root writes wherever it likes, but not a file into a file, nor a file in the place of a folder."""
    (tmp_path / taken).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / taken).write_text("a file")
    said = (
        f"^the artifacts in {tmp_path / 'run'} cannot be written: [^;]+; make it writable, then run the command again; "
    )
    with pytest.raises(InputError, match=said):
        artifacts.write(tmp_path / "run", {"config.yaml": b"x"})


def test_a_full_disk_is_said_and_leaves_what_was_there(tmp_path: Path) -> None:
    artifacts.write(tmp_path, {"config.yaml": b"first"})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        with pytest.raises(
            InputError, match=f"^the artifacts in {tmp_path} cannot be written: .*; free some space there"
        ):
            artifacts.write(tmp_path, {"config.yaml": b"second" * 1000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert artifacts.read(tmp_path, "config.yaml") == b"first"


@pytest.mark.parametrize("name", ["plain", "a b", "a?b", "a%20b", "a#b", "a:b", "é", "it's", "dots...", "\udcff"])
def test_mlflow_finds_a_folder_by_its_location(name: str, tmp_path: Path) -> None:
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository
    from mlflow.utils.uri import append_to_uri_path

    folder = tmp_path / name / "mlartifacts"
    assert artifacts.directory(artifacts.location(folder)) == folder
    assert artifacts.location(tmp_path / "plain") == str(tmp_path / "plain")
    if name.isprintable():  # MLflow reads no other bytes
        below = append_to_uri_path(artifacts.location(folder), "1", "artifacts")
        assert LocalArtifactRepository(below).artifact_dir == str(folder / "1" / "artifacts")
