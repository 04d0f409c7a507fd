"""SIGINT and SIGTERM to a sweep and its workers: exit code, time, statuses, and the study can be resumed."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from optuna.trial import TrialState

from lrlab.sweeper.study.queue import INTERRUPTED, OUTCOME
from lrlab.sweeper.study.state import STATE
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.tracker import RunRecord
from tests.fault_injection.conftest import equip
from tests.fault_injection.lab import TWO, Lab, seeded

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
TRIALS = 30
READ = ("hydra.sweeper.pruner._target_=optuna.pruners.ThresholdPruner", "+hydra.sweeper.pruner.upper=1e9")  # reports
LONG = ("epochs=2000", "population.width=4", *READ, *TWO)


def metrics(lab: Lab) -> dict[str, int]:
    """Epochs on record by run."""
    with Mlflow().open(str(lab.place / "outputs")) as tracker:
        queue = lab.queue()
        assert queue
        parent = queue.study().user_attrs[STATE]["run_id"]
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
        assert queue
        assert queue.running() == []
        for trial in queue.trials(TrialState.FAIL):
            assert trial.user_attrs[OUTCOME] == INTERRUPTED
        assert queue.counts().total == TRIALS
        with Mlflow().open(str(lab.place / "outputs")) as tracker:
            assert tracker.unfinished_runs() == []
            parent = queue.study().user_attrs[STATE]["run_id"]
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


@pytest.mark.parametrize("signum", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.faults)])
def test_a_training_that_was_stopped_goes_on_to_the_same_end(lab: Lab, signum: signal.Signals) -> None:
    def train(*overrides: str) -> list[str]:
        return [sys.executable, "-m", "lrlab", "epochs=60", *overrides]

    def runs() -> dict[str, RunRecord]:
        with lab.tracker() as tracker:
            return {run_id: tracker.get_run(run_id) for run_id in lab.runs()}

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
from lrlab.cli.main import main
from lrlab.runs import checkpoint
checkpoint.INTERVAL = 0
from lrlab.training.population import StackedPopulation
once = StackedPopulation.train_epoch
StackedPopulation.train_epoch = lambda self: (time.sleep(0.05), once(self))[1]
sys.exit(main(["train", *sys.argv[1:]]))
"""


CALLER = """
import sys, time
from lrlab.cli.main import main
from lrlab.tracking import mlflow_tracker
from lrlab.training.population import StackedPopulation
mlflow_tracker.FLUSH_INTERVAL = 0
once = StackedPopulation.train_epoch
StackedPopulation.train_epoch = lambda self: (time.sleep(0.2), once(self))[1]
sys.exit(main(sys.argv[1:]))
"""
CALLERS = {
    "train": ["train", "epochs=500"],
    "resume": ["resume", "RUN_ID"],
    "reproduce": ["reproduce", "best"],
    "confirm": ["best", "--confirm", "2"],
    "lecture": ["lecture"],
}


@pytest.mark.parametrize(
    ("caller", "signum"),
    [
        *((caller, signal.SIGTERM) for caller in CALLERS),
        *(pytest.param(caller, signal.SIGINT, marks=pytest.mark.faults) for caller in CALLERS),
    ],
)
def test_a_signal_ends_every_run_of_a_command(study: Lab, caller: str, signum: signal.Signals) -> None:
    """Of each that trains, besides a sweep: no run stays RUNNING, and none of another name is touched."""
    with study.tracker() as tracker:
        before = {run_id: tracker.get_run(run_id) for run_id in study.runs()}
    interrupted = next(run_id for run_id, run in before.items() if run.name == "train")
    arguments = [interrupted if word == "RUN_ID" else word for word in CALLERS[caller]]
    with study.running([sys.executable, "-c", CALLER, *arguments]) as process:
        points = study.points(others := set(before) - {interrupted})
        assert study.wait(lambda: study.points(others) > points, process)
        os.killpg(process.pid, signum)
        assert process.wait(60) == CODES[signum], (study.place / "said").read_text()
    with study.tracker() as tracker:
        after = {run_id: tracker.get_run(run_id) for run_id in study.runs()}
    ended = {run_id: run for run_id, run in after.items() if run_id not in before or run_id == interrupted}
    assert {run.status for run in ended.values()} <= {"KILLED", "FINISHED"}
    assert "KILLED" in {run.status for run in ended.values() if run.metrics}
    assert all(after[run_id].status == run.status for run_id, run in before.items() if run_id != interrupted)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, store: Path) -> Lab:
    """A small study with long trainings, and a training that was interrupted."""
    lab = equip(tmp_path_factory.mktemp("study") / "lab", store)
    with lab.running(lab.command(2, "epochs=100")) as process:
        assert process.wait(120) == 0, (lab.place / "said").read_text()
    with lab.running([sys.executable, "-c", CALLER, "train", "epochs=500"]) as process:
        points = lab.points([])
        assert lab.wait(lambda: lab.points([]) > points, process)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(60) == CODES[signal.SIGTERM]
    return lab


def test_a_diverged_training_is_over(lab: Lab) -> None:
    with lab.running([sys.executable, "-m", "lrlab", "optimizer.lr=1e38"]) as process:
        assert process.wait(120) == 0, (lab.place / "said").read_text()
    (run_id,) = lab.runs()
    with lab.tracker() as tracker:
        assert tracker.get_run(run_id).status == "FAILED"
    assert lab.resume_run(run_id) == 2
    assert lab.runs() == [run_id]


def test_the_second_sigint_ends_it_at_once(lab: Lab) -> None:
    with lab.running(lab.command(TRIALS, *LONG)) as process:
        assert lab.wait(lambda: len(lab.workers()) == 2, process)
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.35)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 130
