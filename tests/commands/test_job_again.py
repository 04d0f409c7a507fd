from dataclasses import replace
from pathlib import Path

import pytest

from lrlab.cli.options import Records
from lrlab.commands.job_again import Target, run_again
from lrlab.errors import InputError
from lrlab.sweeper.study.state import Command, read_state
from lrlab.tracking.mlflow_tracker import MlflowTracker

OUTPUTS = Path("outputs")


def command() -> Command:
    state = read_state(Records(OUTPUTS).study("mine"))
    assert state is not None
    assert state.command is not None
    return state.command


def test_every_combination_becomes_a_child(own_runs: MlflowTracker, capfd: pytest.CaptureFixture[str]) -> None:
    begun, target = command(), Target(Records(OUTPUTS).tracking().address(str(OUTPUTS)), OUTPUTS)
    assert begun.launch is not None
    parent = own_runs.create_run("again")
    assert run_again(begun.launch, ["bs=8,16", "fail=true,false"], parent, target, (), begun) == 0
    children = own_runs.child_runs(parent)
    assert [child.params["bs"] for child in children] == ["8", "8", "16", "16"]
    assert [child.status for child in children] == ["FAILED", "FINISHED"] * 2
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "what an application prints" in shown.err
    assert not (OUTPUTS / "again" / parent / "optuna.log").exists()
    own_runs.end_run(parent)


def test_what_is_not_trusted_is_not_run(own_study: Path) -> None:
    launch, target = command().launch, Target("sqlite:///outputs/mlflow.db", OUTPUTS)
    assert launch is not None
    with pytest.raises(InputError, match=r"--allow /tmp/other\.py"):
        run_again(replace(launch, script="/tmp/other.py"), [], "abc", target, (), None)
    hostile = replace(command(), overrides=("hydra/launcher=basic", "hydra.launcher._target_=os.system"))
    with pytest.raises(InputError, match=r"--allow os\.system"):
        run_again(launch, [], "abc", target, (), hostile)
