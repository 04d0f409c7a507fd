"""`optimization_results.yaml`: the best of a sweep, in the form of Hydra's own sweepers."""

from pathlib import Path
from typing import Any

import optuna
from omegaconf import OmegaConf


def save_results(study: optuna.Study, directory: Path) -> None:
    """Write the best trial, or the Pareto front of several objectives; nothing if no trial completed."""
    best = study.best_trials
    if not best:
        return
    results: dict[str, Any] = {"name": "optuna"}
    if len(study.directions) == 1:
        results |= {"best_params": study.best_params, "best_value": study.best_value}
    else:
        results["solutions"] = [{"params": trial.params, "values": trial.values} for trial in best]
    OmegaConf.save(OmegaConf.create(results), directory / "optimization_results.yaml")
