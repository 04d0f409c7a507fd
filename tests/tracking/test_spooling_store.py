"""Runs recorded on a server that comes and goes: a real one, behind a gate."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrlab.errors import RecordsLeftError
from lrlab.tracking import spooling_store
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.mlflow_tracker import MlflowTracker
from lrlab.tracking.spooling_store import SpoolingStore
from lrlab.tracking.tracker import RunRecord
from tests.tracking.faulty_proxy import FaultyProxy, Mode

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
STEPS = 5


@pytest.fixture
def gate(served: tuple[str, int]) -> Iterator[FaultyProxy]:
    with FaultyProxy(served[1]) as gate:
        yield gate


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling_store, "WAIT_BUDGET", 0.5)
    monkeypatch.setattr(spooling_store, "RETRY_INTERVAL", 0.05)
    monkeypatch.setattr(spooling_store, "MAX_STALL", 1.5)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")


def train(tracker: MlflowTracker, parent: str | None = None) -> str:
    run_id = tracker.create_run("run", parent=parent, params={"x": 1}, config="x: 1\n")
    for step in range(STEPS):
        tracker.log_metrics(run_id, step, {"loss": step / 4, "nothing": float("nan")})
    tracker.end_run(run_id)
    return run_id


def store_of(tracker: MlflowTracker) -> SpoolingStore:
    assert isinstance(tracker.store, SpoolingStore)
    return tracker.store


def eventually(tracker: MlflowTracker, run_id: str) -> RunRecord:
    """The run, once all that waited has been delivered."""
    assert store_of(tracker).wait_idle(timeout=60)
    return tracker.get_run(run_id)


def complete(record: RunRecord) -> bool:
    loss = [(step, step / 4) for step in range(STEPS)]
    return (
        record.metrics["loss"] == loss
        and len(record.metrics["nothing"]) == STEPS
        and (record.status, record.config, record.params) == ("FINISHED", "x: 1\n", {"x": "1"})
    )


def test_a_server_that_answers_gives_the_ids_and_leaves_no_spool(
    gate: FaultyProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooling_store, "WAIT_BUDGET", 30)  # however busy the machine is
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    with Mlflow(gate.uri).open(str(tmp_path)) as tracker:
        run_id = train(tracker)
        assert not run_id.startswith("spooled-")
        assert complete(tracker.get_run(run_id))
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.parametrize("mode", ["error", "hang", "swallow"])
def test_what_a_server_missed_is_delivered_by_the_next_process(gate: FaultyProxy, tmp_path: Path, mode: Mode) -> None:
    gate.mode = mode
    tracker = Mlflow(gate.uri).open(str(tmp_path))
    parent = tracker.create_run("sweep")
    child = train(tracker, parent)
    with pytest.raises(RecordsLeftError, match=r"^\d+ records wait in .* to deliver them: lrlab repair"):
        tracker.deliver()
    tracker.close()
    gate.mode = "open"
    for thread in threading.enumerate():  # as the end of a process would
        if thread.name == "tracking":
            thread.join()
    with Mlflow(gate.uri).open(str(tmp_path)) as later:
        assert complete(eventually(later, child))
        (only,) = later.child_runs(parent)
        assert only.tags["lrlab.spooled_as"] == child


def test_a_server_that_is_gone_for_a_while_misses_nothing(gate: FaultyProxy, tmp_path: Path) -> None:
    with Mlflow(gate.uri).open(str(tmp_path)) as tracker:
        before = train(tracker)
        gate.shut()
        during = [train(tracker) for _ in range(3)]
        gate.reopen()
        after = train(tracker)
        for run_id in (before, *during, after):
            assert complete(eventually(tracker, run_id))


def test_waiting_in_all_is_bounded(gate: FaultyProxy, tmp_path: Path) -> None:
    """Measured on the budget itself, not on the clock: what is spent is never given back."""
    gate.mode = "hang"
    tracker = Mlflow(gate.uri).open(str(tmp_path))
    for _ in range(20):
        train(tracker)
    assert store_of(tracker).wait_budget == 0
    tracker.close()
    gate.mode = "open"


KILLED = """
import os, sys
from lrlab.tracking.mlflow import Mlflow
tracker = Mlflow(sys.argv[1]).open(sys.argv[2])
run_id = tracker.create_run("killed")
tracker.log_metrics(run_id, 0, {"loss": 1.0})
tracker.flush()
print(run_id, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("mode", ["open", "error"])
def test_a_killed_process_leaves_its_metrics_and_its_run_is_closed(
    gate: FaultyProxy, tmp_path: Path, mode: Mode
) -> None:
    gate.mode = mode
    killed = subprocess.run([sys.executable, "-c", KILLED, gate.uri, str(tmp_path)], capture_output=True, text=True)
    run_id = killed.stdout.strip()
    gate.mode = "open"
    with Mlflow(gate.uri).open(str(tmp_path)) as tracker:
        assert eventually(tracker, run_id).metrics == {"loss": [(0, 1.0)]}
        mine = tracker.create_run("mine")
        assert tracker.close_orphans() >= 1
        assert tracker.close_orphans() == 0
        assert tracker.get_run(mine).status == "RUNNING"
        assert eventually(tracker, run_id).status == "KILLED"
        tracker.end_run(mine)


def test_what_the_server_will_never_take_is_set_aside(gate: FaultyProxy, tmp_path: Path) -> None:
    with Mlflow(gate.uri).open(str(tmp_path)) as tracker:
        tracker.set_tags("0" * 32, {"a": "b"})
        run_id = train(tracker)
        assert complete(eventually(tracker, run_id))
    (refused,) = (tmp_path / "spool").glob("*.refused")
    assert "0" * 32 in refused.read_text()
