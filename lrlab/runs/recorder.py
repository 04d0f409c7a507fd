"""What a training leaves on record: its run, and, where they are worth it, weights, plots and a diagnosis."""

import io
import logging
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from lrlab.core.model import Linear
from lrlab.data.dataset import Dataset
from lrlab.errors import InputError, RecordsLeftError
from lrlab.runs.history import MetricHistory
from lrlab.runs.provenance import Provenance
from lrlab.runtime.environment import limit_blas
from lrlab.tracking.store import MAX_LENGTH
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import CONFIG, DatasetInfo, RunRecord, TerminalStatus, Tracker
from lrlab.training.configuration import flat, from_flat, from_record, from_yaml, says_all, to_record, to_yaml
from lrlab.training.experiment import Experiment, Member, Population
from lrlab.training.methods.gradient import Gradient

log = logging.getLogger(__name__)

IN_PARAMS = "params"  # a tag says so
PATHS = ("data.path", "data.test_path")  # what may have moved since it was recorded


def create_run(
    tracker: Tracker,
    population: Population,
    member: Member,
    *,
    name: str,
    parent: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> str:
    """Create the run of a member that was just admitted, with all that is needed to repeat it; return its id."""
    record, data = to_record(member.experiment), population.dataset
    params = flat(record)
    # a file for each trial is much where there are thousands: it is left out where the params say the same
    fits = all(len(str(value)) <= MAX_LENGTH["param"] for value in params.values())
    kept = "" if parent and fits and says_all(params, record) else to_yaml(record)
    sizes = {"train": len(data.train), "validation": len(data.validation), "test": len(data.y_test)}
    return tracker.create_run(
        name,
        parent=parent,
        params=params,
        tags={
            Tag.PROVENANCE: Provenance.of(population, member).to_json(),
            **({} if kept else {Tag.CONFIG: IN_PARAMS}),
            **(tags or {}),
        },
        config=kept,
        dataset=DatasetInfo(data.name, data.digest, data.source, sizes),
    )


def config_of(run: RunRecord) -> dict[str, Any]:
    """Return the configuration of a run: of its file, or, where it has none because they say the same, of its params.

    Raises:
        InputError: it has a file that is not among the artifacts of the run.
    """
    if run.config:
        return from_yaml(run.config)
    if run.tags.get(Tag.CONFIG) != IN_PARAMS:
        raise InputError(
            f"run {run.run_id} has no {CONFIG} among its artifacts: are they where its store says they are?"
        )
    return from_flat(run.params)


def read_training(
    run: RunRecord, allow: Sequence[str] = (), moved: Mapping[str, str] | None = None
) -> tuple[Experiment, Dataset, Provenance]:
    """Return what `create_run` recorded, ready to be trained again: with verified data, and as many BLAS threads.

    Args:
        allow: prefixes of further code to trust. What a record says of that does not count.
        moved: paths of the data that are not as recorded, by their keys, such as data.path.

    Raises:
        InputError: an earlier version of lrlab recorded the run, or its configuration, data or code are not there.
    """
    provenance = Provenance.from_json(run.tags[Tag.PROVENANCE])
    record = config_of(run)
    for key, path in (moved or {}).items():
        group, _, name = key.partition(".")
        if name not in record[group]:
            raise InputError(f"{key} is no path of the data of run {run.run_id}, which is {record[group]['choice']}")
        record[group][name] = path
    experiment = from_record(record, allow)
    experiment.data.verify()
    dataset = experiment.data.load()
    experiment.check_fits(dataset)
    limit_blas(provenance.environment.blas_threads)
    return experiment, dataset, provenance


def check_data(run: RunRecord, dataset: Dataset) -> None:
    """Refuse data that are not those that a run was trained on.

    Raises:
        InputError: names both digests.
    """
    before = Provenance.from_json(run.tags[Tag.PROVENANCE]).data
    if dataset.digest != before:
        raise InputError(
            f"data of run {run.run_id} have changed: the digest of {dataset.source or dataset.name} is "
            f"{dataset.digest[:16]}, was {before[:16]}"
        )


def moved_paths(overrides: Sequence[str]) -> dict[str, str]:
    """Return the paths that KEY=PATH arguments name, by their keys.

    Raises:
        InputError: a key is no path of data, or there is no path.
    """
    paths = dict(override.partition("=")[::2] for override in overrides)
    for key, path in paths.items():
        if key not in PATHS or not path:
            raise InputError(
                f"RUN can be followed by {' and '.join(f'{each}=PATH' for each in PATHS)}, got {key}={path}"
            )
    return paths


@contextmanager
def parent_run(tracker: Tracker, name: str, *, params: Mapping[str, object], tags: Mapping[str, str]) -> Iterator[str]:
    """Yield the id of a run for others to be children of; end it as what is done in between ends."""
    run_id = tracker.create_run(name, params=params, tags=tags)
    try:
        yield run_id
    except BaseException as error:
        tracker.end_run(run_id, status_of(error))
        raise
    tracker.end_run(run_id)


def close(tracker: Tracker, *, deliver: bool) -> None:
    """Close the tracker of a worker.

    Args:
        deliver: whether nobody else delivers what waits here for a server; what is left in the end is logged.
    """
    if deliver:
        try:
            tracker.deliver()
        except RecordsLeftError as left:
            log.warning("on %s, %s", platform.node(), left)
    tracker.close()


def status_of(error: BaseException) -> TerminalStatus:
    """Return how a run ends that is cut short: KILLED by a signal, FAILED by any other error."""
    return "FAILED" if isinstance(error, Exception) else "KILLED"


def log_diagnosis(tracker: Tracker, run_id: str, experiment: Experiment, data: Dataset, history: MetricHistory) -> str:
    """Tag a run with what its curve tells of the learning rate, and return it; "" if none was used."""
    from lrlab.training.diagnosis import diagnose

    losses = history.values("train/loss")
    if not isinstance(experiment.method, Gradient) or not losses:
        return ""
    diagnosis = diagnose(losses, history.values("lr"), len(data.classes))
    tracker.set_tags(run_id, {Tag.LEARNING_RATE: diagnosis})
    return diagnosis


def log_weights(tracker: Tracker, run_id: str, weights: Mapping[str, np.ndarray]) -> None:
    """Attach the weights as weights.npz."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **weights)
    tracker.log_artifacts(run_id, {"weights.npz": buffer.getvalue()})


def log_plots(
    tracker: Tracker,
    run_id: str,
    experiment: Experiment,
    data: Dataset,
    weights: Mapping[str, np.ndarray],
    history: MetricHistory,
) -> None:
    """Attach the loss curve, and the class templates of a linear model of images."""
    from lrlab.plotting import figures

    files = {"loss_curve.png": figures.loss_curve(history.points)}
    if isinstance(experiment.model, Linear) and "W1" in weights and data.image_shape:
        files["templates.png"] = figures.templates(weights["W1"], data.image_shape, data.classes)
    tracker.log_artifacts(run_id, files)
