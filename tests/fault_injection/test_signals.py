"""SIGINT and SIGTERM to a sweep and its workers: exit code, time, statuses, and the study can be resumed."""

import os
import signal
import sys
import time

import pytest
from optuna.trial import TrialState

from lrlab.sweep.study.queue import INTERRUPTED, OUTCOME
from lrlab.sweep.study.study import EXTRAS
from lrlab.tracking.client_store import Mlflow
from tests.fault_injection.lab import TWO, Lab, seeded

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
TRIALS = 30
LONG = ("epochs=2000", "population.width=4", *TWO)


def metrics(lab: Lab) -> dict[str, int]:
    """Epochs on record by run."""
    with Mlflow().open(str(lab.place / "outputs")) as tracker:
        parent = lab.queue().study().user_attrs[EXTRAS]["run_id"]
        return {run.run_id: len(run.metrics.get("val/loss", ())) for run in tracker.child_runs(parent)}


@pytest.mark.parametrize(
    "signum",
    [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.faults)],  # SIGTERM once took a minute under load
    ids=["SIGINT", "SIGTERM"],
)
@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.faults)])
@pytest.mark.parametrize("whom", ["group", pytest.param("sweep", marks=pytest.mark.faults)])
def test_a_signal_ends_a_sweep_in_order(lab: Lab, signum: signal.Signals, times: int, whom: str) -> None:
    chance, slowest = seeded(f"{signum.name} to the {whom}"), 0.0
    times = times if whom == "group" or times == 1 else 5
    for _ in range(times):
        with lab.running(lab.command(TRIALS, *LONG)) as process:
            assert lab.wait(lambda: len(lab.workers()) == 2, process)
            time.sleep(chance.uniform(0, 3))
            start = time.monotonic()
            (os.killpg if whom == "group" else os.kill)(process.pid, signum)
            assert process.wait(60) == CODES[signum], (lab.place / "said").read_text()
            slowest = max(slowest, time.monotonic() - start)
        queue = lab.queue()
        assert queue.running() == []
        for trial in queue.trials(TrialState.FAIL):
            assert trial.user_attrs[OUTCOME] == INTERRUPTED
        assert queue.counts().total == TRIALS
        with Mlflow().open(str(lab.place / "outputs")) as tracker:
            assert tracker._store.unfinished_runs() == []
            parent = queue.study().user_attrs[EXTRAS]["run_id"]
            assert tracker.get_run(parent).status == "KILLED"
            states = {run.status for run in tracker.child_runs(parent)}
            assert states <= {"KILLED", "FINISHED"}
        reported = {
            trial.user_attrs["run_id"]: len(trial.intermediate_values)
            for trial in queue.trials(TrialState.FAIL)
            if "run_id" in trial.user_attrs
        }
        written = metrics(lab)
        missing = {run_id: (epochs, written[run_id]) for run_id, epochs in reported.items() if written[run_id] < epochs}
        assert missing == {}, (lab.place / "said").read_text()
    print(f"{times} times {signum.name} to the {whom}: the slowest took {slowest:.1f} s")
    if times > 1:
        assert slowest < 10


@pytest.mark.parametrize("signum", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.faults)])
def test_a_training_that_was_stopped_goes_on_to_the_same_end(lab: Lab, signum: signal.Signals) -> None:
    def train(*overrides: str) -> list[str]:
        return [sys.executable, "-m", "lrlab", "epochs=60", *overrides]

    def runs() -> dict[str, object]:
        import sqlite3

        db = sqlite3.connect(lab.place / "outputs" / "mlflow.db")
        found = [row[0] for row in db.execute("SELECT run_uuid FROM runs ORDER BY start_time")]
        db.close()
        with Mlflow().open(str(lab.place / "outputs")) as tracker:
            return {run_id: tracker.get_run(run_id) for run_id in found}

    with lab.running(train()) as process:
        assert process.wait(120) == 0
    (whole,) = runs().values()
    with lab.running([sys.executable, "-c", SLOW, "epochs=60"]) as process:
        assert lab.wait(lambda: list(lab.place.glob("outputs/checkpoints/*.before.npz")), process)
        os.killpg(process.pid, signum)
        assert process.wait(60) == CODES[signum], (lab.place / "said").read_text()
    stopped = next(run for run in runs().values() if run.run_id != whole.run_id)
    assert stopped.status == "KILLED"
    assert lab.resume_run(stopped.run_id) == 0
    again = runs()[stopped.run_id]
    assert again.status == "FINISHED"
    assert again.metrics == whole.metrics
    assert list(lab.place.glob("outputs/checkpoints/*")) == []
    assert lab.resume_run(stopped.run_id) == 2  # there is nothing to go on with


SLOW = """
import sys, time
from lrlab.cli import app
from lrlab.runs import checkpoint
from lrlab.runtime import entrypoint
checkpoint.INTERVAL = 0
from lrlab.training.population import StackedPopulation
once = StackedPopulation.train_epoch
StackedPopulation.train_epoch = lambda self: (time.sleep(0.05), once(self))[1]
sys.exit(entrypoint.run_command(lambda: app.run(sys.argv[1:])))
"""


def test_the_second_sigint_ends_it_at_once(lab: Lab) -> None:
    with lab.running(lab.command(TRIALS, *LONG)) as process:
        assert lab.wait(lambda: len(lab.workers()) == 2, process)
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.35)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 130
