"""The best configuration of a study, with its runs."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from lrlab.errors import InputError
from lrlab.runs.history import MetricHistory
from lrlab.runs.recorder import config_of
from lrlab.sweeper.study.queue import RUN_ID
from lrlab.sweeper.study.ranking import End, Setting, at_ends, ranked, tied
from lrlab.tracking.store import MissingRunError
from lrlab.tracking.tracker import RunRecord, Tracker

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Best:
    """The best configuration of a study, by its mean objective over the seeds.

    Attributes:
        trial: that stands for its seeds: the median of them.
        run_id: of that trial; "" of a sweep that was not recorded.
        value: mean objective in the search: the best of many noisy values, so optimistic.
        spread: sample standard deviation of the objective over the seeds; None for one seed.
        seeds: how many were swept at this configuration.
        trials: one for each seed.
        params: the values that the search chose, without the seed.
        metrics: of the last epoch, means over the seeds.
        config: the whole configuration that decides the training, with the seed of `trial`.
        tie: the next best, if the noise of the seeds explains how far it is behind.
        at_ends: swept numbers at the lowest or the highest values tried, so that better ones may lie beyond.
    """

    study: str
    trial: int
    run_id: str
    value: float
    spread: float | None
    seeds: int
    trials: tuple[int, ...]
    params: dict[str, Any]
    metrics: dict[str, float]
    config: dict[str, Any]
    tie: Setting | None
    at_ends: dict[str, End]


def best(study: "optuna.Study", tracker: Tracker | None) -> Best:
    """Return the best configuration of a study.

    Args:
        tracker: holds its runs; None for a sweep that was not recorded.

    Raises:
        InputError: as of `trained_settings` or `best_settings`.
        MissingRunError: one of its runs was deleted; the message names the next best.
    """
    settings = trained_settings(study) if tracker else best_settings(study)
    first = settings[0]
    runs = {number: read_run(study, tracker, number) for number in first.trials} if tracker else {}
    record = runs.get(first.trial)
    return Best(
        study=study.study_name,
        trial=first.trial,
        run_id=record.run_id if record else "",
        value=first.mean,
        spread=first.spread,
        seeds=len(first.values),
        trials=first.trials,
        params=first.params,
        metrics=_means([MetricHistory(run.metrics).latest() for run in runs.values()]),
        config=config_of(record) if record else {},
        tie=tied(settings),
        at_ends=at_ends(study, first),
    )


def is_recorded(study: "optuna.Study") -> bool:
    """Return whether the trials of a study have runs."""
    return any(RUN_ID in trial.user_attrs for trial in study.get_trials(deepcopy=False))


def trained_settings(study: "optuna.Study") -> list[Setting]:
    """Return the ranked settings of a study whose trials have runs; at least one.

    Raises:
        InputError: as of `best_settings`, or the trials have no runs.
    """
    settings, trials = best_settings(study), study.get_trials(deepcopy=False)
    if any(RUN_ID not in trials[number].user_attrs for setting in settings for number in setting.trials):
        raise InputError(f"study {study.study_name} has trials without runs: its sweep was not recorded")
    return settings


def best_settings(study: "optuna.Study") -> list[Setting]:
    """Return the ranked settings of a study; at least one.

    Raises:
        InputError: it has several objectives, no trial has completed, or of every setting one has failed.
    """
    if len(study.directions) > 1:
        count = len(study.directions)
        raise InputError(f"study must have one objective for one trial to be the best, {study.study_name} has {count}")
    settings = ranked(study)
    trials = study.get_trials(deepcopy=False)
    if not any(trial.state.name == "COMPLETE" for trial in trials):
        raise InputError(f"study {study.study_name} has no completed trial yet")
    if not settings:
        raise InputError(f"study {study.study_name} has no best configuration: of each, a seed diverged or failed")
    return settings


def run_of(study: "optuna.Study", number: int) -> str:
    """Return the run id of a trial.

    Raises:
        InputError: there is no such trial, or it never ran.
    """
    trials = study.get_trials(deepcopy=False)
    if number >= len(trials):
        raise InputError(f"trial must be < {len(trials)} in study {study.study_name}, got {number}")
    if RUN_ID not in trials[number].user_attrs:
        raise InputError(f"trial {number} of study {study.study_name} has no run: it was never trained")
    run_id: str = trials[number].user_attrs[RUN_ID]
    return run_id


def read_run(study: "optuna.Study", tracker: Tracker, number: int) -> RunRecord:
    """Return the run of a trial that belongs to one of the best configurations.

    Raises:
        MissingRunError: it was deleted; the message says how to restore it, and names the best with all its runs.
    """
    try:
        return tracker.get_run(run_of(study, number))
    except MissingRunError as error:
        said = f"trial {number} of study {study.study_name}, among the best, cannot be read: {error}"
        raise MissingRunError(f"{said}; {_next_best(study, tracker)}") from error


def _next_best(study: "optuna.Study", tracker: Tracker) -> str:
    """Return in words which is the best setting that has all its runs."""
    for setting in trained_settings(study):
        with suppress(MissingRunError):
            for number in setting.trials:
                tracker.get_run(run_of(study, number))
            run_id = run_of(study, setting.trial)
            return f"the next best is trial {setting.trial}, objective {setting.mean:.4g}, run {run_id}"
    return "no configuration has all its runs"


def _means(metrics: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of every metric that all have."""
    if not metrics:
        return {}
    names = [name for name in metrics[0] if all(name in each for each in metrics)]
    return {name: fmean(each[name] for each in metrics) for name in names}
