"""`optimization_results.yaml`: the best of a sweep, in the form of Hydra's own sweepers."""

from pathlib import Path
from typing import Any

import optuna
from omegaconf import OmegaConf

from lrlab.sweeper.study.queue import has_ended
from lrlab.sweeper.study.ranking import ranked


def save_results(study: optuna.Study, directory: Path) -> None:
    """Write the best configuration, or the Pareto front of several objectives; nothing if there is none."""
    results = _best(study) if len(study.directions) == 1 else _pareto_front(study)
    if results:
        OmegaConf.save(OmegaConf.create({"name": "optuna"} | results), directory / "optimization_results.yaml")


def _best(study: optuna.Study) -> dict[str, Any]:
    """Return the best configuration by its mean over the seeds; their number and spread where the seed is swept."""
    settings = ranked(study)
    if not settings:
        return {}
    best = settings[0]
    over_seeds = {"seeds": len(best.values), "spread": best.spread} if best.seed_is_swept else {}
    return {"best_params": best.params, "best_value": best.mean} | over_seeds


def _pareto_front(study: optuna.Study) -> dict[str, Any]:
    solutions = [{"params": trial.params, "values": trial.values} for trial in filter(has_ended, study.best_trials)]
    return {"solutions": solutions} if solutions else {}
