import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tracking.client_store import ClientStore
from lrlab.tracking.database import address
from lrlab.tracking.store import MetricPoint, RunSpec, RunUpdate
from lrlab.tracking.tags import Tag

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def store(outputs: str) -> ClientStore:
    return ClientStore(address(None, outputs), "lrlab", str(Path(outputs) / "mlartifacts"))


def test_a_store_leaves_the_environment_as_it_is(outputs: str) -> None:
    before = dict(os.environ)
    store = ClientStore(address(None, outputs), "lrlab", str(Path(outputs) / "mlartifacts"))
    run_id = store.create_run(RunSpec(1, {}, {Tag.NAME: "run"}, None))
    store.get_run(run_id)
    assert {name for name in os.environ if name.startswith("MLFLOW")} == {
        name for name in before if name.startswith("MLFLOW")
    }


def test_artifacts_that_cannot_be_written_are_no_fault_of_the_server(store: ClientStore, outputs: str) -> None:
    run_id = store.create_run(RunSpec(1, {}, {Tag.NAME: "run"}, None))
    (Path(outputs) / "mlartifacts").write_text("a file in the place of the folder")
    with pytest.raises(InputError, match=r"^the artifacts in .*mlartifacts.* cannot be written: .*; make it writable"):
        store.log_artifacts(run_id, {"config.yaml": b"x"})


def test_looking_a_run_up_deletes_none_and_empty_duplicates_can_be_deleted(store: ClientStore) -> None:
    parent = store.create_run(RunSpec(1, {}, {Tag.NAME: "sweep"}, None))
    spec = RunSpec(1, {}, {Tag.NAME: "run", Tag.SPOOLED_AS: "spooled-1", Tag.PARENT: parent}, None)
    empty, full, ended = (store.create_run(spec) for _ in range(3))
    store.write(full, RunUpdate([MetricPoint("loss", 1.0, 1, 0)]))
    store.write(ended, RunUpdate(status="KILLED"))
    assert store.find_run(Tag.SPOOLED_AS, "spooled-1") == full
    assert {run.run_id for run in store.child_runs(parent)} == {empty, full, ended}
    store.delete_empty_duplicates(Tag.SPOOLED_AS, "spooled-1")
    assert {run.run_id for run in store.child_runs(parent)} == {full, ended}
    assert store.find_run(Tag.SPOOLED_AS, "spooled-2") is None


def test_without_the_bulk_request_each_history_is_asked_for_by_itself(
    store: ClientStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = store.create_run(RunSpec(1, {}, {Tag.NAME: "run"}, None))
    store.write(run_id, RunUpdate([MetricPoint("loss", 1.0, 1, 0), MetricPoint("lr", 0.5, 1, 0)]))
    asked = []

    def unknown(self: ClientStore, key: str, run_ids: list[str]) -> None:
        asked.append(key)
        raise KeyError("metrics")

    monkeypatch.setattr(ClientStore, "_bulk_history", unknown)
    monkeypatch.setattr(store, "_asks_in_bulk", True)
    for _ in range(2):
        assert store.get_run(run_id).metrics == {"loss": [(0, 1.0)], "lr": [(0, 0.5)]}
    assert 1 <= len(asked) <= 2  # the first read asks for both metrics at once, the second for none


def test_artifacts_are_found_and_written_below_the_outputs_in_use(outputs: str, tmp_path: Path) -> None:
    """Of a database elsewhere, too, whose locations are those before the outputs moved."""
    uri, spec = f"sqlite:///{tmp_path}/shared.db", RunSpec(1, {}, {Tag.NAME: "run"}, None)
    shutil.move(f"{outputs}/mlflow.db", tmp_path / "shared.db")
    with closing(ClientStore(uri, "e", f"{outputs}/mlartifacts")) as store:
        run_id = store.create_run(spec)
        store.log_artifacts(run_id, {"config.yaml": b"seed: 0"})
    moved = tmp_path / "moved"
    shutil.move(outputs, moved)
    with closing(ClientStore(uri, "e", f"{moved}/mlartifacts")) as store:
        new = store.create_run(spec)
        store.log_artifacts(new, {"config.yaml": b"seed: 1"})
        store.log_artifacts(run_id, {"report.html": b"report"})
        assert [store.get_run(each).config for each in (run_id, new)] == ["seed: 0", "seed: 1"]
    assert not Path(outputs).exists()
    assert len(list(moved.rglob("*.html"))) == 1
