"""The best trial of a study, with its run."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrlab.errors import InputError
from lrlab.runs.history import MetricHistory
from lrlab.tracking.tracker import Tracker
from lrlab.training.configuration import from_yaml

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Best:
    """The best configuration of a study.

    Attributes:
        value: the objective in the search: the best of many noisy values, so optimistic.
        params: the values that the search chose.
        metrics: of the last epoch.
        config: the whole configuration that decides the training.
    """

    study: str
    trial: int
    run_id: str
    value: float
    params: dict[str, Any]
    metrics: dict[str, float]
    config: dict[str, Any]


def best(study: "optuna.Study", tracker: Tracker) -> Best:
    """Return the best trial of a study that lrlab's own trainer ran.

    Raises:
        InputError: no trial has completed, or the study is another application's.
    """
    try:
        trial = study.best_trial
    except ValueError:
        raise InputError(f"study {study.study_name} has no completed trial yet") from None
    if "run_id" not in trial.user_attrs:
        raise InputError(f"study {study.study_name} was not trained by lrlab: its trials have no runs")
    record = tracker.get_run(trial.user_attrs["run_id"])
    assert trial.value is not None
    return Best(
        study.study_name,
        trial.number,
        record.run_id,
        trial.value,
        trial.params,
        MetricHistory(record.metrics).latest(),
        from_yaml(record.config),
    )


def run_of(study: "optuna.Study", number: int) -> str:
    """Return the run id of a trial.

    Raises:
        InputError: there is no such trial, or it never ran.
    """
    trials = study.get_trials(deepcopy=False)
    if number >= len(trials):
        raise InputError(f"trial must be < {len(trials)} in study {study.study_name}, got {number}")
    if "run_id" not in trials[number].user_attrs:
        raise InputError(f"trial {number} of study {study.study_name} has no run: it was never trained")
    run_id: str = trials[number].user_attrs["run_id"]
    return run_id
