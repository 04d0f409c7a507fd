from typing import Any

import optuna
import pytest

from lrlab.errors import InputError
from lrlab.sweeper.report import report
from lrlab.sweeper.running_job import RunningJob, reporting


def test_outside_of_a_sweep_it_does_nothing() -> None:
    report(1, 0.5)


def test_inside_it_reports_until_the_pruner_has_enough() -> None:
    pruner = optuna.pruners.ThresholdPruner(upper=1.0)
    trial = optuna.create_study(pruner=pruner).ask()
    with reporting(RunningJob(trial)):
        report(0, 0.5)
        report(1, 1)
        with pytest.raises(optuna.TrialPruned, match=r"pruned at step 2 with 1\.5"):
            report(2, 1.5)
    report(3, 0.0)
    (frozen,) = trial.study.trials
    assert frozen.intermediate_values == {0: 0.5, 1: 1.0, 2: 1.5}


def test_several_objectives_cannot_be_pruned() -> None:
    trial = optuna.create_study(directions=["minimize", "minimize"]).ask()
    with reporting(RunningJob(trial)):
        report(0, 0.5)


@pytest.mark.parametrize("step", [-1, 0.5, "1", None, True])
def test_a_step_is_a_count(step: Any) -> None:
    with pytest.raises(InputError, match=r"step of lrlab\.report must be an integer >= 0"):
        report(step, 0.5)
