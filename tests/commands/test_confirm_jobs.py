import json
from pathlib import Path
from typing import Any

import pytest

from lrlab.cli.main import main
from lrlab.cli.options import Records
from lrlab.commands.confirm_jobs import confirm_jobs
from lrlab.commands.job_again import Target
from lrlab.errors import InputError
from lrlab.sweeper.study.state import SweepState, read_state
from lrlab.tracking.mlflow_tracker import MlflowTracker

OUTPUTS = Path("outputs")


def confirmed(tracker: MlflowTracker, state: Any = None, **numbers: Any) -> Any:
    study = Records(OUTPUTS).study("mine")
    state = state or read_state(study)
    assert state is not None
    return confirm_jobs(
        study, state, tracker, Target(Records(OUTPUTS).tracking().address(str(OUTPUTS)), OUTPUTS), **numbers
    )


def test_the_best_are_run_again_on_fresh_seeds(own_study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["best", "mine", "--confirm", "2", "--top", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seeds"] == [2, 3]
    assert [each["params"] for each in found["candidates"]] == [
        {"bs": 8, "optim.step_size": 0.2},
        {"bs": 8, "optim.step_size": 0.1},
    ]
    base = 1 / 3 + 0.08
    assert found["mean"] == pytest.approx(base + 0.001)  # seeds 2 and 3 cost 0.002 and 0
    assert found["search_value"] == pytest.approx(base + 0.0005)
    low, high = found["interval"]
    assert low < found["mean"] < high
    with Records(OUTPUTS).tracker() as tracker:
        assert len(tracker.child_runs(found["run_id"])) == 4


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"seeds": 1, "top": 1}, "--confirm must be an integer >= 2, got 1"),
        ({"seeds": 2, "top": 0}, "--top must be an integer >= 1, got 0"),
    ],
)
def test_numbers_out_of_range_are_refused(own_runs: MlflowTracker, numbers: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        confirmed(own_runs, **numbers)
    assert str(refused.value) == said


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({}, "study mine has no key that is known to be the seed: lrlab resume mine hydra.sweeper.roles.seed=KEY"),
        ({"seed": "optim.step_size"}, "optim.step_size must be an integer to be the seed, got 0.1"),
    ],
)
def test_a_study_without_seeds_is_refused(own_runs: MlflowTracker, roles: dict[str, str], said: str) -> None:
    state = read_state(Records(OUTPUTS).study("mine"))
    assert state is not None
    with pytest.raises(InputError) as refused:
        confirmed(own_runs, SweepState(state.run_id, command=state.command, roles=roles), seeds=2, top=1)
    assert str(refused.value).startswith(said)
