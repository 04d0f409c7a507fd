"""Confirmation of somebody's own Hydra application: run the best configurations of a study again on fresh seeds."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from lrlab.commands.best import run_of, trained_settings
from lrlab.commands.candidates import seeds_after
from lrlab.commands.job_again import Target, run_again
from lrlab.config import validation
from lrlab.config.command_line import command
from lrlab.config.flatten import flatten
from lrlab.errors import InputError
from lrlab.runs.job_record import OBJECTIVE, read_job
from lrlab.runs.recorder import parent_run
from lrlab.sweeper.study.ranking import Setting
from lrlab.sweeper.study.state import SweepState
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import RunRecord, Tracker
from lrlab.training.configuration import from_yaml

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class JobConfirmation:
    """What fresh seeds say of the best configurations of a study.

    Attributes:
        run_id: of the confirmation; every job is a child of it.
        trial: whose configuration was chosen, by its mean objective over the fresh seeds.
        search_value: its mean objective in the search: the best of many, so optimistic.
        mean: over the fresh seeds.
        interval: of the mean, 95 %, for the choice of the seeds.
        seeds: the fresh ones.
        candidates: every configuration: trial, params, search_value, mean (None if a seed failed).
    """

    study: str
    run_id: str
    trial: int
    search_value: float
    mean: float
    interval: tuple[float, float]
    seeds: tuple[int, ...]
    candidates: tuple[dict[str, Any], ...]


def confirm_jobs(
    study: "optuna.Study",
    state: SweepState,
    tracker: Tracker,
    target: Target,
    *,
    seeds: int,
    top: int,
    allow: Sequence[str] = (),
) -> JobConfirmation:
    """Run the best `top` configurations again on `seeds` fresh seeds each, and choose one.

    Args:
        study, state: of a sweep of somebody's own application, and what is stored with it.
        tracker: holds its runs, and takes the new ones.
        target: where the application records.
        allow: prefixes of code and paths to trust. What a record says of that does not count.

    Raises:
        InputError: a number is out of range, no key is known to be the seed, the application is not to be trusted or
            not here, or every configuration has failed.
    """
    from lrlab.scaling_law.estimate import mean_of  # imports SciPy

    validation.integer("--confirm", seeds, at_least=2)
    validation.integer("--top", top, at_least=1)
    settings = _distinct(trained_settings(study), top)
    runs = [tracker.get_run(run_of(study, setting.trial)) for setting in settings]
    jobs = [read_job(run) for run in runs]
    key = state.roles.get("seed")
    if key is None:
        resume = command("resume", study.study_name, "hydra.sweeper.roles.seed=KEY")
        raise InputError(f"study {study.study_name} has no key that is known to be the seed: {resume} names it")
    fresh = _fresh_seeds(study, runs, key, seeds)
    for launch, overrides in jobs:
        launch.check_trusted(overrides, allow)
    name, params = study.study_name, {"study": study.study_name, "seeds": json.dumps(fresh), "top": top}
    means: list[list[float]] = []
    with parent_run(tracker, f"confirm {name}", params=params, tags={Tag.CONFIRMS: name}) as parent:
        target = replace(target, experiment=tracker.get_run(parent).experiment)
        seen: set[str] = set()
        for launch, overrides in jobs:
            run_again(launch, _with_seeds(overrides, key, fresh), parent, target, allow, state.command)
            new = [run for run in tracker.child_runs(parent) if run.run_id not in seen]
            seen |= {run.run_id for run in new}
            means.append([run.metrics[OBJECTIVE][-1][1] for run in new if _has_objective(run)])
        whole = [index for index, values in enumerate(means) if len(values) == len(fresh)]
        if not whole:
            raise InputError(f"study must hold a configuration whose jobs finish, got {name}: all failed again")
        choose = max if study.direction.name == "MAXIMIZE" else min
        winner = choose(whole, key=lambda index: fmean(means[index]))
        values = means[winner]
        low, high = mean_of(values).interval()
        said = f"trial {settings[winner].trial} of {name}: {fmean(values):.4g} [{low:.4g}, {high:.4g}] on fresh seeds"
        tracker.log_metrics(parent, 0, {OBJECTIVE: fmean(values)})
        tracker.set_tags(parent, {Tag.NOTE: said})
    return JobConfirmation(
        study=name,
        run_id=parent,
        trial=settings[winner].trial,
        search_value=settings[winner].mean,
        mean=fmean(values),
        interval=(low, high),
        seeds=tuple(fresh),
        candidates=tuple(
            {
                "trial": setting.trial,
                "params": setting.params,
                "search_value": setting.mean,
                "mean": fmean(means[index]) if index in whole else None,
            }
            for index, setting in enumerate(settings)
        ),
    )


def _distinct(settings: Sequence[Setting], top: int) -> list[Setting]:
    """Return the first settings, each once: where no seed is swept, one may have been tried twice."""
    found: dict[str, Setting] = {}
    for setting in settings:
        found.setdefault(json.dumps(setting.params, sort_keys=True, default=str), setting)
    return list(found.values())[:top]


def _fresh_seeds(study: "optuna.Study", runs: Sequence[RunRecord], key: str, count: int) -> list[int]:
    """Return seeds that no trial of the search has had."""
    configs: list[Mapping[str, Any]] = [flatten(from_yaml(run.config)) for run in runs]
    used = [trial.params[key] for trial in study.get_trials(deepcopy=False) if key in trial.params]
    used += [config[key] for config in configs if config.get(key) is not None]
    for seed in used:
        if not isinstance(seed, int) or isinstance(seed, bool):
            raise InputError(f"{key} must be an integer to be the seed, got {seed!r}")
    return seeds_after(used, count)


def _with_seeds(overrides: Sequence[str], key: str, seeds: Sequence[int]) -> list[str]:
    """Return overrides that run every seed."""
    kept = [override for override in overrides if override.lstrip("+").partition("=")[0] != key]
    sign = next(("+" * (len(each) - len(each.lstrip("+"))) for each in overrides if each not in kept), "")
    return [*kept, f"{sign}{key}={','.join(map(str, seeds))}"]


def _has_objective(run: RunRecord) -> bool:
    return run.status == "FINISHED" and OBJECTIVE in run.metrics and math.isfinite(run.metrics[OBJECTIVE][-1][1])
