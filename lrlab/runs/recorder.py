"""How a member's training is put on record: its run, its epochs, and, for those worth it, weights and pictures."""

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from lrlab.core.model import Linear
from lrlab.data.datasets import Dataset
from lrlab.runs.provenance import Provenance
from lrlab.tracking.tracker import DatasetInfo, Tracker
from lrlab.training.configuration import flat, recorded, to_yaml
from lrlab.training.experiment import Member, Population
from lrlab.training.methods.gradient import Gradient

PROVENANCE = "lrlab.provenance"
LEARNING_RATE = "lrlab.learning_rate"  # the verdict on it: too high, too low, good, ...


def start(
    tracker: Tracker,
    config: Mapping[str, Any],
    population: Population,
    member: Member,
    *,
    name: str,
    parent: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Open the run of a member that was just admitted; returns its id.

    Args:
        config: the resolved configuration; the part that decides the training goes on record.
        name, parent, tags: as the tracker takes them.
    """
    config = recorded(config)
    provenance = Provenance.of(population, member)
    return tracker.create_run(
        name,
        parent=parent,
        params=flat(config),
        tags={PROVENANCE: json.dumps(provenance.to_dict()), **(tags or {})},
        config=to_yaml(config),
        dataset=_info(population.dataset),
    )


def _info(data: Dataset) -> DatasetInfo:
    sizes = {"train": len(data.train), "validation": len(data.validation), "test": len(data.y_test)}
    return DatasetInfo(data.name, data.digest, sizes=sizes)


def log_learning_rate_diagnosis(
    tracker: Tracker, run_id: str, cohort: Population, member: Member, history: Mapping[str, Any]
) -> str:
    """Tag a run that is over with the verdict on its learning rate, and return it; "" if none was used.

    Args:
        history: its metrics, name -> [(epoch, value), ...].
    """
    from lrlab.training.diagnosis import diagnose

    if not isinstance(member.experiment.method, Gradient) or not history.get("train/loss"):
        return ""
    losses, lrs = ([value for _, value in history[name]] for name in ("train/loss", "lr"))
    verdict = diagnose(losses, lrs, len(cohort.dataset.classes))
    tracker.set_tags(run_id, {LEARNING_RATE: verdict})
    return verdict


def log_weights(tracker: Tracker, run_id: str, weights: Mapping[str, np.ndarray]) -> None:
    """Attach the weights as weights.npz."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **weights)
    tracker.log_artifacts(run_id, {"weights.npz": buffer.getvalue()})


def log_plots(
    tracker: Tracker,
    run_id: str,
    model: object,
    data: Dataset,
    weights: Mapping[str, np.ndarray],
    history: Mapping[str, Any],
) -> None:
    """Attach the loss curve, and the class templates of a linear model.

    Args:
        history: the run's metrics, name -> [(epoch, value), ...].
    """
    from lrlab.plotting import figures

    files = {"loss_curve.png": figures.loss_curve(history)}
    if isinstance(model, Linear) and "W1" in weights:
        files["templates.png"] = figures.templates(weights["W1"], data.image_shape, data.classes)
    tracker.log_artifacts(run_id, files)
