"""What the trials of somebody's own application leave on record, without a database."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

import lrlab
from lrlab.config.command_line import HERE
from lrlab.config.hydra_compat import restored_logging
from lrlab.runs.launch import Launch
from lrlab.runtime.signals import SignalHandler
from lrlab.sweeper import job_tracking
from lrlab.sweeper.job_tracking import JobTracking
from lrlab.sweeper.runners.protocols import WorkerContext
from lrlab.sweeper.runners.trial_records import end_sweep
from lrlab.sweeper.study.queue import RUN_ID
from lrlab.sweeper.study.state import Command, SweepState
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import RunRecord
from tests.sweeper.conftest import Planner

STATE = SweepState("parent", command=Command((), "config", (), Launch("", "train.py", "/nowhere", "config")))
Record = Callable[..., RunRecord]


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> MemoryTracker:
    kept = MemoryTracker()
    monkeypatch.setattr(job_tracking.JobTracking, "open", lambda self: kept)
    return kept


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(pruner=optuna.pruners.ThresholdPruner(upper=10))


@pytest.fixture
def record(planned: Planner, tracker: MemoryTracker, study: optuna.Study) -> Record:
    """Run a task as a trial, and return its run."""

    def run(task: Callable[[Any], Any], *overrides: str, error: type[BaseException] | None = None) -> RunRecord:
        plan = planned(task, "x=1,2", x=0, secret="s")
        runner = plan.application.runner(WorkerContext(plan.sweep, STATE, SignalHandler()))
        runner.start(study.ask(), overrides)
        with restored_logging():
            if error:
                with pytest.raises(error):
                    runner.advance()
            else:
                runner.advance()
        runner.close()
        return tracker.get_run(study.trials[-1].user_attrs[RUN_ID])

    return run


def test_a_trial_is_a_child_with_all_that_it_said(record: Record, tracker: MemoryTracker) -> None:
    def task(config: Any) -> float:
        for step in range(2):
            lrlab.report(step, config.x + step, unit="updates")
        lrlab.log({"accuracy": 0.5}, 1)
        Path("note.txt").write_text("text")
        lrlab.artifact("note.txt")
        return float(config.x)

    run = record(task, "x=3")
    assert (run.name, run.parent, run.status) == ("trial 0", "parent", "FINISHED")
    assert run.params == {"x": "3", "secret": "(not recorded)"}
    assert run.metrics == {"reported": [(0, 3), (1, 4)], "accuracy": [(1, 0.5)], "objective": [(1, 3)]}
    assert (run.tags[Tag.UNIT], run.tags[Tag.OVERRIDES], run.tags[Tag.TRIAL]) == ("updates", "x=3", "0")
    assert {"config.yaml", "note.txt", "job/minimal_app.log"} <= set(tracker.files[run.run_id])


def diverging(config: Any) -> float:
    return float("nan")


def failing(config: Any) -> float:
    raise ZeroDivisionError("by nothing")


def pruned(config: Any) -> float:
    lrlab.report(0, 11.0)
    return 0.0


def nothing(config: Any) -> None:
    pass


@pytest.mark.parametrize(
    ("task", "status", "tags", "metrics"),
    [
        (diverging, "FAILED", {Tag.DIVERGED: "true", Tag.RETURNED: "nan"}, {"objective"}),
        (failing, "FAILED", {Tag.NOTE: "ZeroDivisionError: by nothing"}, set()),
        (pruned, "KILLED", {Tag.PRUNED: "true"}, {"reported"}),
        (nothing, "FINISHED", {Tag.RETURNED: "None"}, set()),
    ],
)
def test_a_trial_that_ends_otherwise(
    record: Record, task: Callable[[Any], Any], status: str, tags: dict[str, str], metrics: set[str]
) -> None:
    run = record(task)
    assert (run.status, set(run.metrics)) == (status, metrics)
    assert run.tags.items() >= tags.items()


def test_a_trial_that_is_interrupted(record: Record) -> None:
    def task(config: Any) -> None:
        raise KeyboardInterrupt

    assert record(task, error=KeyboardInterrupt).status == "KILLED"


@pytest.mark.parametrize("error", [None, ValueError(), KeyboardInterrupt()])
def test_the_run_of_a_sweep(tracker: MemoryTracker, study: optuna.Study, error: BaseException | None) -> None:
    for value in (2.0, 1.0):
        trial = study.ask()
        trial.set_user_attr(RUN_ID, f"run {trial.number}")
        study.tell(trial, value)
    parent = tracker.create_run("sweep")
    end_sweep(JobTracking(Mlflow(), "/outputs"), SweepState(parent), study, error, HERE)
    run = tracker.get_run(parent)
    assert run.status == {type(None): "FINISHED", ValueError: "FAILED", KeyboardInterrupt: "KILLED"}[type(error)]
    assert run.tags.get(Tag.BEST_RUN_ID) == (None if error else "run 1")


def test_the_run_of_a_sweep_that_others_go_on_with_stays_open(tracker: MemoryTracker, study: optuna.Study) -> None:
    study.ask()
    parent = tracker.create_run("sweep")
    end_sweep(JobTracking(Mlflow(), "/outputs"), SweepState(parent), study, None, HERE)
    assert tracker.get_run(parent).status == "RUNNING"
