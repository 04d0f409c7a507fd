"""Reading a study into a table; the whole way from a sweep is walked in tests/test_report.py."""

import math

import optuna
import pytest

from lrlab.analysis.runs import Run, Runs, number_or_text, read
from lrlab.errors import InputError
from lrlab.sweeper.study.state import Command, SweepState, write_state
from lrlab.sweeper.study.study import SPEC
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.tracker import RunStatus


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


def study(parent: str, space: dict[str, str] | None = None) -> optuna.Study:
    made = optuna.create_study(study_name="s")
    made.set_user_attr(SPEC, {"space": space or {}})
    write_state(made, SweepState(run_id=parent, command=Command((), "config", ())))
    return made


def trial(tracker: MemoryTracker, parent: str, number: int, status: RunStatus, loss: float = 1.0, **tags: str) -> None:
    params = {"batch_size": 8, "optimizer": "SGD", "optimizer.lr": 0.1 * (number + 1), "seed": number % 2}
    run = tracker.create_run("t", parent=parent, params=params, tags={"lrlab.trial": str(number), **tags})
    tracker.log_metrics(run, 1, {"val/loss": 2 * loss})
    tracker.log_metrics(run, 2, {"val/loss": loss})
    if status in ("FINISHED", "FAILED", "KILLED"):
        tracker.end_run(run, status)


def test_trials_that_came_to_their_end(tracker):
    parent = tracker.create_run("s")
    trial(tracker, parent, 0, "FINISHED", 0.5)
    trial(tracker, parent, 1, "FAILED", loss=math.nan, **{"lrlab.diverged": "true"})
    trial(tracker, parent, 2, "KILLED", loss=1.0, **{"lrlab.pruned": "true"})
    trial(tracker, parent, 3, "FAILED")  # cut off
    trial(tracker, parent, 4, "RUNNING")
    tracker.end_run(tracker.create_run("no trial", parent=parent))
    assert read(study(parent), tracker).table() == [
        {"batch_size": 8, "lr": 0.1, "seed": 0, "loss": 0.5},
        {"batch_size": 8, "lr": 0.2, "seed": 1, "loss": math.inf},
    ]


def test_a_foreign_study_and_an_empty_one(tracker):
    with pytest.raises(InputError, match=r"^study must be one that lrlab trained, got 'f'"):
        read(optuna.create_study(study_name="f"), tracker)
    with pytest.raises(InputError, match=r"^study must have trials that came to their end, got 's'"):
        read(study(tracker.create_run("s")), tracker)


def runs(*params: dict, **swept: str) -> Runs:
    return Runs("s", "", swept, tuple(Run(i, "", each, {}, None, diverged=False) for i, each in enumerate(params)))


def test_settings_are_what_else_was_chosen():
    found = runs(
        {"optimizer": "SGD", "batch_size": 8, "warmup": 0.1},
        {"optimizer": "Adam", "batch_size": 8, "warmup": 0.2},
        {"optimizer": "SGD", "batch_size": 16, "warmup": 0.3},
        optimizer="choice(sgd, adam)",
        batch_size="choice(8, 16)",
        warmup="interval(0, 1)",
    ).settings()
    assert {label: [run.trial for run in part] for label, part in found.items()} == {
        "optimizer=SGD": [0, 2],
        "optimizer=Adam": [1],
    }
    assert list(runs({"batch_size": 8}).settings()) == [""]


def test_a_part_of_the_runs():
    found = runs({"optimizer": "SGD", "seed": 0}, {"optimizer": "Adam", "seed": 0}, {"optimizer": "SGD", "seed": 1})
    assert [run.trial for run in found.only({"optimizer": "sgd", "seed": "1"})] == [2]
    with pytest.raises(InputError, match=r"^--where optimizer must be one of Adam, SGD, got 'adamw'$"):
        found.only({"optimizer": "adamw"})
    with pytest.raises(InputError, match=r"^--where x must be one of no such key, got '1'$"):
        found.only({"x": "1"})


@pytest.mark.parametrize(("text", "value"), [("3", 3), ("3.0", 3.0), ("1e-3", 0.001), ("SGD", "SGD"), ("None", "None")])
def test_recorded_parameters(text, value):
    assert number_or_text(text) == value
    assert type(number_or_text(text)) is type(value)
