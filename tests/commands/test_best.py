"""The best configuration of a study, and the run of a trial."""

from typing import Any

import optuna
import pytest

from lrlab.commands.best import best, is_recorded, run_of
from lrlab.errors import InputError
from lrlab.tracking.memory_tracker import MemoryTracker

LR = optuna.distributions.FloatDistribution(0.1, 1)
SEED = optuna.distributions.CategoricalDistribution((0, 1, 2))


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


def add_trial(study: optuna.Study, tracker: MemoryTracker, params: dict, value: float) -> None:
    """Add a complete trial whose run has two epochs."""
    run_id = tracker.create_run("trial", config=f"seed: {params.get('seed', 3)}\n")
    tracker.log_metrics(run_id, 1, {"val/loss": 9.0})
    noise = {"noise_scale": 8.0} if params.get("seed") == 1 else {}
    tracker.log_metrics(run_id, 2, {"val/loss": value, **noise})
    distributions: dict[str, Any] = {"optimizer.lr": LR} | ({"seed": SEED} if "seed" in params else {})
    trial = optuna.trial.create_trial(
        params=params, distributions=distributions, value=value, user_attrs={"run_id": run_id}
    )
    study.add_trial(trial)


@pytest.fixture
def study(tracker: MemoryTracker) -> optuna.Study:
    """Two trials with runs; the second is better. A third was never trained."""
    study = optuna.create_study(study_name="s")
    for lr, value in ((0.1, 2.0), (0.2, 1.0)):
        add_trial(study, tracker, {"optimizer.lr": lr}, value)
    study.enqueue_trial({"optimizer.lr": 0.5})
    return study


def test_the_best_has_the_metrics_of_its_last_epoch(study: optuna.Study, tracker: MemoryTracker) -> None:
    found = best(study, tracker)
    assert (found.study, found.trial, found.value) == ("s", 1, 1.0)
    assert (found.spread, found.seeds, found.trials) == (None, 1, (1,))
    assert (found.tie, found.at_ends) == (None, {})
    assert found.metrics == {"val/loss": 1.0}
    assert found.config == {"seed": 3}
    assert found.params == study.trials[1].params
    assert found.run_id == study.trials[1].user_attrs["run_id"] == run_of(study, 1)


def test_the_best_over_seeds_is_not_the_luckiest_trial(tracker: MemoryTracker) -> None:
    study = optuna.create_study(study_name="s")
    for lr, values in ((0.1, (0.5, 7.0, 9.0)), (0.2, (2.0, 4.0, 3.0)), (1.0, (3.0, 5.0, 4.5))):
        for seed, value in enumerate(values):
            add_trial(study, tracker, {"optimizer.lr": lr, "seed": seed}, value)
    found = best(study, tracker)
    assert (found.params, found.value, found.spread, found.seeds) == ({"optimizer.lr": 0.2}, 3.0, 1.0, 3)
    assert (found.trials, found.trial, found.run_id) == ((3, 4, 5), 5, run_of(study, 5))
    assert found.config == {"seed": 2}
    assert found.metrics == {"val/loss": 3.0}  # one seed has no noise scale
    assert found.tie is None  # the next is behind by 1, 1 and 1.5
    assert found.at_ends == {}


def test_a_tie_and_an_end_are_said(tracker: MemoryTracker) -> None:
    study = optuna.create_study(study_name="s")
    for lr, values in ((0.1, (1.0, 1.0)), (0.2, (1.0, 1.5)), (1.0, (3.0, 5.0))):
        for seed, value in enumerate(values):
            add_trial(study, tracker, {"optimizer.lr": lr, "seed": seed}, value)
    found = best(study, tracker)
    assert found.tie is not None
    assert found.tie.params == {"optimizer.lr": 0.2}
    assert found.at_ends == {"optimizer.lr": "lowest"}


def test_a_study_of_which_every_configuration_has_failed_is_refused(tracker: MemoryTracker) -> None:
    study = optuna.create_study(study_name="s")
    add_trial(study, tracker, {"optimizer.lr": 0.1, "seed": 0}, 1.0)
    distributions: dict[str, Any] = {"optimizer.lr": LR, "seed": SEED}
    failed = optuna.trial.TrialState.FAIL
    params = {"optimizer.lr": 0.1, "seed": 1}
    study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, state=failed))
    with pytest.raises(InputError, match="study s has no best configuration: of each, a seed diverged or failed"):
        best(study, tracker)


def test_a_study_without_a_completed_trial_is_refused(tracker: MemoryTracker) -> None:
    with pytest.raises(InputError, match="study s has no completed trial yet"):
        best(optuna.create_study(study_name="s"), tracker)


def test_a_sweep_that_was_not_recorded_has_a_best_but_no_run() -> None:
    study = optuna.create_study(study_name="s")
    for value in (2.0, 1.0):
        study.tell(study.ask(), value)
    found = best(study, None)
    assert (found.trial, found.run_id, found.value, found.metrics, found.config) == (1, "", 1.0, {}, {})
    assert not is_recorded(study)


def test_a_sweep_that_was_not_recorded_has_no_runs_to_read(tracker: MemoryTracker) -> None:
    study = optuna.create_study(study_name="s")
    study.tell(study.ask(), 1.0)
    with pytest.raises(InputError, match="study s has trials without runs: its sweep was not recorded"):
        best(study, tracker)


def test_a_study_of_several_objectives_is_refused(tracker: MemoryTracker) -> None:
    study = optuna.create_study(study_name="s", directions=["minimize", "maximize"])
    study.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 1.0), n_trials=2)
    with pytest.raises(InputError, match="study must have one objective for one trial to be the best, s has 2"):
        best(study, tracker)


@pytest.mark.parametrize(
    ("number", "message"),
    [(3, "trial must be < 3 in study s, got 3"), (2, "trial 2 of study s has no run: it was never trained")],
)
def test_a_trial_without_a_run_is_refused(study: optuna.Study, number: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run_of(study, number)
