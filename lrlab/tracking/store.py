"""The protocol below `MlflowTracker`: what keeps MLflow runs.

`SqliteStore` and `ClientStore` have done what was asked when they return. `SpoolingStore` passes on later what a server
does not take now. Repeating a `write` changes nothing.
"""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from lrlab.config.command_line import Places, command
from lrlab.errors import InputError
from lrlab.tracking.database import mlflow_command
from lrlab.tracking.tracker import DatasetInfo, Histories, OpenRun, RunRecord, RunStatus, RunSummary

CONTEXT = ("mlflow.data.context", "training")
EXPERIMENT_KIND = ("mlflow.experimentKind", "custom_model_development")  # opens on its runs, not on traces of a chat

MAX_LENGTH = {"param": 6000, "tag": 8000, "digest": 36}  # characters MLflow keeps
MAX_FLOAT = 1.7976931348623157e308  # MLflow keeps infinities as the largest floats


class RejectedError(InputError):
    """The store answers, and refuses this: asking again changes nothing."""


class MissingRunError(RejectedError):
    """The store has no such run: it was deleted, or it never was there."""


class MetricPoint(NamedTuple):
    """One value of one metric; `time` is in milliseconds since 1970."""

    key: str
    value: float
    time: int
    step: int


@dataclass(frozen=True)
class RunSpec:
    """A run to be created. The name and the parent are among the tags, as MLflow has it."""

    time: int
    params: Mapping[str, str]
    tags: Mapping[str, str]
    dataset: DatasetInfo | None


@dataclass(frozen=True)
class RunUpdate:
    """Points, tags and params to add to a run; with a status, the run ends, or is RUNNING again.

    A param that it has already is kept. `time` is when the run ended, in milliseconds since 1970; None for now.
    """

    points: Sequence[MetricPoint] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    status: RunStatus | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    time: int | None = None


class Store(Protocol):
    """Keep MLflow runs. Every call raises `InputError` when a run id is unknown or the store cannot be reached."""

    def create_run(self, run: RunSpec) -> str:
        """Create a run, RUNNING; return its id."""

    def write(self, run_id: str, update: RunUpdate) -> None:
        """Add to a run, or end it."""

    def log_artifacts(self, run_id: str, files: Mapping[str, bytes]) -> None:
        """Write artifacts, by their path inside the run."""

    def get_run(self, run_id: str) -> RunRecord:
        """Return a run."""

    def child_runs(self, parent: str) -> list[RunRecord]:
        """Return the runs whose parent this is, oldest first."""

    def summaries(self, parent: str) -> list[RunSummary]:
        """Return what tells the runs whose parent this is apart, oldest first."""

    def histories(self, run_ids: Sequence[str], metrics: Collection[str]) -> Histories:
        """Return the whole histories of some metrics of some runs."""

    def unfinished_runs(self) -> list[OpenRun]:
        """Return the runs that were not ended."""

    def deliver(self) -> None:
        """Wait until all of it is where it is to be kept (see `Tracker.deliver`)."""

    def close(self) -> None:
        """Close connections."""


def dataset_source(dataset: DatasetInfo) -> tuple[str, str]:
    """Return MLflow's type and JSON of where a data set comes from."""
    if dataset.source.startswith(("http://", "https://")):
        return "http", json.dumps({"url": dataset.source})
    return "local", json.dumps({"uri": dataset.source})


def dataset_profile(dataset: DatasetInfo) -> str:
    """Return MLflow's JSON of the size of a data set."""
    return json.dumps({"num_rows": sum(dataset.sizes.values()), **dataset.sizes})


def restore_infinity(value: float) -> float:
    """Return the infinity that MLflow keeps as the largest float; any other value as it is."""
    return value if abs(value) < MAX_FLOAT else value * 2


def run_not_found(run_id: str, uri: str, place: object) -> MissingRunError:
    """Return the error of a run id that a store does not know: at a tracking URI, of which `place` may be shown."""
    known = f"; to see what there is: {command('ui', places=_places(uri))}"
    return MissingRunError(
        f"run_id {run_id!r} is not in {place}: it was deleted for good (`mlflow gc`), or recorded elsewhere"
        f"{'' if uri.startswith('http') else known}"
    )


def _places(uri: str) -> Places:
    """Return what a command has to be told to find a store."""
    folder, name = os.path.split(uri.removeprefix("sqlite:///"))
    if not uri.startswith("sqlite:///") or name != "mlflow.db":
        return Places(tracking_uri=uri)
    here = Path.cwd()
    return Places(Path(folder).relative_to(here) if Path(folder).is_relative_to(here) else Path(folder))


def run_deleted(run_id: str, uri: str) -> MissingRunError:
    """Return the error of a run that was deleted in MLflow, with the command that restores it."""
    restore = mlflow_command(uri, "runs", "restore", "--run-id", run_id)
    return MissingRunError(f"run {run_id} was deleted in MLflow; `{restore}` brings it back")


def experiment_deleted(name: str, experiment_id: object, uri: str) -> InputError:
    """Return the error of an experiment that was deleted in MLflow, with the command that restores it and its runs."""
    restore = mlflow_command(uri, "experiments", "restore", "--experiment-id", str(experiment_id))
    return InputError(
        f"tracking.experiment must be one that is not deleted, got {name!r}; `{restore}` brings it back with its runs"
    )
