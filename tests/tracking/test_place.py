import shutil
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tracking.database import OWN
from lrlab.tracking.place import CREDENTIALS, URI, Place, check_uri, from_outputs, uri_of


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (URI, *CREDENTIALS):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "proj" / "outputs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "proj")
    return tmp_path / "proj"


@pytest.mark.parametrize(
    ("uri", "recorded"),
    [
        (OWN, OWN),
        ("sqlite:///outputs/mlflow.db", OWN),
        ("sqlite:///runs.db", "sqlite:///../runs.db"),
        ("sqlite:///outputs/a%3Fb.db?timeout=7", "sqlite:///a%3Fb.db?timeout=7"),
        ("sqlite:////data/runs.db", "sqlite:////data/runs.db"),
        ("http://host:5000", "http://host:5000"),
        ("http://me:secret@host:5000", "http://host:5000"),
        ("postgresql://me:secret@host/db", "postgresql://host/db"),
    ],
)
def test_a_place_is_recorded_without_password_and_as_seen_from_the_outputs(uri: str, recorded: str) -> None:
    assert Place(uri, "bobs").to_record("outputs") == Place(recorded, "bobs")


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
@pytest.mark.parametrize(
    "uri", ["sqlite:///runs.db", "sqlite:////{}/runs.db?timeout=5", "sqlite:///outputs/further.db"]
)
def test_a_database_in_a_moved_or_copied_project_is_found_there(move, uri: str, project: Path, monkeypatch) -> None:
    recorded = Place(uri.format(str(project).lstrip("/")), "e").to_record("outputs")
    new = project.with_name("new one")
    move(str(project), str(new))
    for folder, outputs in ((new, "outputs"), (Path("/"), str(new / "outputs"))):
        monkeypatch.chdir(folder)
        found = Place.from_record(recorded, outputs)
        assert "/new one/" in found.uri
        assert str(project) + "/" not in found.uri


def test_a_reference_to_the_environment_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = Place("${oc.env:MY_STORE}", "e")
    with pytest.raises(InputError, match=r"MY_STORE is not set$"):
        Place.from_record(recorded, "outputs")
    monkeypatch.setenv("MY_STORE", "http://me:secret@host")
    assert Place.from_record(recorded, "outputs") == Place("http://me:secret@host", "e")
    monkeypatch.setenv("MY_STORE", "nonsense")
    with pytest.raises(InputError, match=r"^MY_STORE must be null, outputs, sqlite"):
        Place.from_record(recorded, "outputs")
    with pytest.raises(InputError, match=r"give it as --tracking-uri$"):
        Place.from_record(Place("http://evil/${oc.env:HOME}", "e"), "outputs")


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_credentials_are_for_the_servers_that_the_user_names(credential: str, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = Place("http://host", "e")
    assert Place.from_record(recorded, "outputs") == recorded
    monkeypatch.setenv(credential, "secret")
    with pytest.raises(
        InputError, match=r"^the study names the server http://host for its runs: give it as --tracking-uri"
    ):
        Place.from_record(recorded, "outputs")
    monkeypatch.setenv(URI, "http://me:secret@host")
    assert Place.from_record(recorded, "outputs").uri == "http://me:secret@host"


@pytest.mark.parametrize(
    "uri", ["", "databricks", "mlruns", "file:///tmp/mlruns", "azureml://x", "sqlite://", "ftp://h"]
)
def test_other_addresses_are_refused_under_their_key(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"^tracking\.uri must be null, outputs, sqlite:///FILE, http"):
        check_uri("tracking.uri", uri)
    monkeypatch.setenv(URI, uri)
    if uri:
        with pytest.raises(InputError, match=f"^{URI} must be "):
            uri_of(URI)
    else:
        assert uri_of(URI) is None


def test_paths_outside_the_project_stay_absolute(project: Path) -> None:
    assert from_outputs(project / "sweeps", "outputs") == Path("../sweeps")
    assert from_outputs(Path("/data/sweeps"), "outputs") == Path("/data/sweeps")
    assert from_outputs(project / "sweeps", "/data/outputs") == project / "sweeps"
