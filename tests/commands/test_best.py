"""The best trial of a study, and the run of a trial."""

import optuna
import pytest

from lrlab.commands.best import best, run_of
from lrlab.errors import InputError
from lrlab.tracking.memory_tracker import MemoryTracker


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


@pytest.fixture
def study(tracker: MemoryTracker) -> optuna.Study:
    """Two trials with runs; the second is better. A third was never trained."""
    study = optuna.create_study(study_name="s")
    for value in (2.0, 1.0):
        trial = study.ask({"optimizer.lr": optuna.distributions.FloatDistribution(0.1, 1)})
        run_id = tracker.create_run(f"trial {trial.number}", config="seed: 3\n")
        tracker.log_metrics(run_id, 1, {"val/loss": 9.0})
        tracker.log_metrics(run_id, 2, {"val/loss": value})
        trial.set_user_attr("run_id", run_id)
        study.tell(trial, value)
    study.enqueue_trial({"optimizer.lr": 0.5})
    return study


def test_the_best_has_the_metrics_of_its_last_epoch(study: optuna.Study, tracker: MemoryTracker) -> None:
    found = best(study, tracker)
    assert (found.study, found.trial, found.value) == ("s", 1, 1.0)
    assert found.metrics == {"val/loss": 1.0}
    assert found.config == {"seed": 3}
    assert found.params == study.trials[1].params
    assert found.run_id == study.trials[1].user_attrs["run_id"] == run_of(study, 1)
    assert found.metrics == {"val/loss": 1.0}


def test_a_study_without_a_completed_trial_is_refused(tracker: MemoryTracker) -> None:
    with pytest.raises(InputError, match="study s has no completed trial yet"):
        best(optuna.create_study(study_name="s"), tracker)


def test_the_study_of_another_application_is_refused(tracker: MemoryTracker) -> None:
    study = optuna.create_study(study_name="s")
    study.tell(study.ask(), 1.0)
    with pytest.raises(InputError, match="study s was not trained by lrlab"):
        best(study, tracker)


@pytest.mark.parametrize(
    ("number", "message"),
    [(3, "trial must be < 3 in study s, got 3"), (2, "trial 2 of study s has no run: it was never trained")],
)
def test_a_trial_without_a_run_is_refused(study: optuna.Study, number: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run_of(study, number)
