from pathlib import Path

import pytest

from lrlab.cli.options import Records
from lrlab.commands.best import run_of
from lrlab.commands.job_again import Target
from lrlab.commands.reproduce_job import common_part, environment_changes, is_job, reproduce_job
from lrlab.errors import InputError
from lrlab.tracking.mlflow_tracker import MlflowTracker
from lrlab.tracking.tags import Tag
from tests.commands.conftest import APPLICATION

OUTPUTS = Path("outputs")


def target() -> Target:
    return Target(Records(OUTPUTS).tracking().address(str(OUTPUTS)), OUTPUTS)


def run_id(number: int) -> str:
    return run_of(Records(OUTPUTS).study("mine"), number)


def test_a_job_is_the_same_again(own_runs: MlflowTracker) -> None:
    outcome = reproduce_job(own_runs, run_id(3), target())
    assert (outcome.verdict, outcome.max_abs_difference, outcome.environment_changes) == ("identical", 0.0, {})
    again = own_runs.get_run(outcome.new_run_id)
    assert is_job(again)
    assert own_runs.get_run(str(again.parent)).tags[Tag.REPLAY_OF] == run_id(3)


def test_a_job_whose_code_has_changed(own_runs: MlflowTracker) -> None:
    program = Path("train.py")
    program.write_text(APPLICATION.replace("- 0.2)", "- 0.9)"))
    try:
        outcome = reproduce_job(own_runs, run_id(0), target())
    finally:
        program.write_text(APPLICATION)
    assert outcome.verdict == "differs"
    assert outcome.max_abs_difference > 0.1


def test_a_job_that_was_stopped_is_compared_as_far_as_it_came() -> None:
    stopped = {"reported": [(1, 0.5), (2, 0.4)], "objective": [(2, 0.4)]}
    whole = {"reported": [(1, 0.5), (2, 0.4), (3, 0.3)], "objective": [(3, 0.3)], "later": [(3, 1.0)]}
    assert common_part(stopped, whole) == ({"reported": stopped["reported"]},) * 2


def test_a_run_without_values_is_refused(own_runs: MlflowTracker) -> None:
    empty = own_runs.create_run("empty", tags={Tag.JOB: own_runs.get_run(run_id(0)).tags[Tag.JOB]})
    own_runs.end_run(empty)
    with pytest.raises(InputError, match="must name a run that recorded a value to compare with"):
        reproduce_job(own_runs, empty, target())


def test_an_application_that_is_elsewhere_is_refused(
    own_runs: MlflowTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, where = run_id(0), target()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"train\.py is not in the current folder: the application was run in "):
        reproduce_job(own_runs, number, where)


def test_what_changed_in_the_environment() -> None:
    then = {Tag.GIT_COMMIT: "a", Tag.GIT_DIRTY: "false", Tag.PYTHON: "3.11", Tag.PACKAGES: "numpy==1 old==1 same==1"}
    now = {Tag.GIT_COMMIT: "b", Tag.GIT_DIRTY: "true", Tag.PYTHON: "3.11", Tag.PACKAGES: "new==1 numpy==2 same==1"}
    assert environment_changes(then, now) == {
        "commit": ("a", "b"),
        "uncommitted changes": ("false", "true"),
        "new": ("none", "1"),
        "numpy": ("1", "2"),
        "old": ("1", "none"),
    }
    assert environment_changes(then, then) == {}
