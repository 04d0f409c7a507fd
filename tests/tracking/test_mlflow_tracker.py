import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tracking import mlflow_tracker
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.mlflow_tracker import MlflowTracker
from lrlab.tracking.tracker import RunRecord


def run_python(code: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)


def wait_until_ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout
    assert process.stdout.readline() == "ready\n"


def only_child(outputs: str, parent: str) -> RunRecord:
    with Mlflow().open(outputs) as tracker:
        (child,) = tracker.child_runs(parent)
    return child


class TestBuffer:
    @pytest.fixture
    def tracker(self, outputs: str) -> MlflowTracker:
        return Mlflow().open(outputs)

    def test_old_metrics_are_written_with_the_next(
        self, tracker: MlflowTracker, outputs: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        parent = tracker.create_run("sweep")
        run_id = tracker.create_run("run", parent=parent)
        for step in range(3):
            tracker.log_metrics(run_id, step, {"loss": step})
        assert only_child(outputs, parent).metrics == {}
        later = time.monotonic() + mlflow_tracker.FLUSH_INTERVAL + 1
        monkeypatch.setattr(time, "monotonic", lambda: later)
        tracker.log_metrics(run_id, 3, {"loss": 3})
        assert only_child(outputs, parent).metrics == {"loss": [(0, 0), (1, 1), (2, 2), (3, 3)]}
        tracker.close()

    def test_long_texts_are_cut_as_mlflow_does(self, tracker: MlflowTracker) -> None:
        record = tracker.get_run(tracker.create_run("run", params={"p": "x" * 9000}, tags={"t": "y" * 9000}))
        assert (len(record.params["p"]), len(record.tags["t"])) == (6000, 8000)
        tracker.close()

    def test_what_could_not_be_written_stays_in_the_buffer(self, tracker: MlflowTracker) -> None:
        run_id = tracker.create_run("run")
        tracker.log_metrics(run_id, 0, {"loss": 1.0})
        write = tracker.store.write
        tracker.store.write = broken  # type: ignore[method-assign]
        for verb in (tracker.flush, lambda: tracker.end_run(run_id)):
            with pytest.raises(InputError, match="disk full"):
                verb()
        tracker.store.write = write  # type: ignore[method-assign]
        assert tracker.get_run(run_id).metrics == {"loss": [(0, 1.0)]}
        tracker.close()

    def test_files_lie_in_the_run(self, tracker: MlflowTracker, outputs: str) -> None:
        run_id = tracker.create_run("run", config="seed: 0\n")
        tracker.log_artifacts(run_id, {"plots/loss.png": b"\x89PNG", "weights.npz": b"PK"})
        place = Path(outputs) / "mlartifacts" / "1" / run_id / "artifacts"
        found = {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*") if p.is_file()}
        assert found == {"config.yaml": b"seed: 0\n", "plots/loss.png": b"\x89PNG", "weights.npz": b"PK"}
        tracker.close()


def broken(*_: object, **__: object) -> None:
    raise InputError("disk full")


LOG_AND_WAIT = """
import sys, time
from lrlab.runtime.entrypoint import run_program
from lrlab.tracking.mlflow import Mlflow

def command():
    with Mlflow().open(sys.argv[1]) as tracker:
        run = tracker.create_run("run", parent="sweep")
        tracker.log_metrics(run, 0, {"loss": 0.5})
        if sys.argv[2] == "flushed":
            tracker.flush()
        tracker.log_metrics(run, 1, {"loss": 0.25})
        print("ready", flush=True)
        if sys.argv[3] == "exit": sys.exit()
        if sys.argv[3] == "error": raise ValueError
        if sys.argv[3] == "interrupt": raise KeyboardInterrupt
        time.sleep(60)

run_program(command)
"""


class TestEndOfTheProcess:
    @pytest.mark.parametrize("ending", ["exit", "error", "interrupt", signal.SIGTERM])
    def test_nothing_is_lost(self, outputs: str, ending: "str | signal.Signals") -> None:
        process = run_python(LOG_AND_WAIT, outputs, "buffered", str(ending))
        wait_until_ready(process)
        if isinstance(ending, signal.Signals):
            process.send_signal(ending)
        process.communicate()
        child = only_child(outputs, "sweep")
        assert (child.status, child.metrics) == ("RUNNING", {"loss": [(0, 0.5), (1, 0.25)]})

    def test_a_killed_process_loses_only_what_it_had_not_written(self, outputs: str) -> None:
        process = run_python(LOG_AND_WAIT, outputs, "flushed", "wait")
        wait_until_ready(process)
        process.kill()
        process.communicate()
        child = only_child(outputs, "sweep")
        assert (child.status, child.metrics) == ("RUNNING", {"loss": [(0, 0.5)]})


CHILDREN = """
import sys
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.tracker import DatasetInfo
with Mlflow(experiment="crowd").open(sys.argv[1]) as tracker:
    sys.stdin.readline()
    for trial in range(int(sys.argv[2])):
        run = tracker.create_run(f"{sys.argv[3]} {trial}", parent="sweep", params={"p": 1}, config="x: 1",
                            dataset=DatasetInfo("digits", "0f"))
        for step in range(20):
            tracker.log_metrics(run, step, {"loss": step, "accuracy": step})
            if step % 5 == 0: tracker.flush()
        tracker.end_run(run)
"""


def test_processes_that_write_at_once_lose_nothing(outputs: str) -> None:
    trials, names = 40, ("one", "two", "three")
    crowd = [
        subprocess.Popen([sys.executable, "-c", CHILDREN, outputs, str(trials), name], stdin=subprocess.PIPE)
        for name in names
    ]
    for process in crowd:
        assert process.stdin
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in crowd:
        process.communicate()
        assert process.returncode == 0
    with Mlflow(experiment="crowd").open(outputs) as tracker:
        children = tracker.child_runs("sweep")
    assert sorted(child.name for child in children) == sorted(f"{n} {t}" for n in names for t in range(trials))
    history = [(step, float(step)) for step in range(20)]
    for child in children:
        assert (child.status, child.config) == ("FINISHED", "x: 1")
        assert child.metrics == {"loss": history, "accuracy": history}


def test_a_tracker_leaves_the_process_as_it_is(outputs: str, tmp_path: Path) -> None:
    def state() -> tuple[object, ...]:
        handlers = [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)]
        return dict(os.environ), handlers, logging.root.level, set(threading.enumerate())

    before = state()
    with Mlflow().open(outputs) as tracker:
        tracker.create_run("run")
        assert state() == before
    remote = Mlflow("http://127.0.0.1:1").open(str(tmp_path))
    assert state() == before
    remote.close()
    assert state() == before
