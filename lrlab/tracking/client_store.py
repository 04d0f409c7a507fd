"""Runs in MLflow: the choice conf/tracking/mlflow.yaml, and the store behind MLflow's client.

Only this file imports mlflow, and only for a store that is reached through its client: an SQLite file is read
and written directly (see `lrlab.tracking.sqlite_store`).
"""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.errors import InputError
from lrlab.tracking import artifacts, database
from lrlab.tracking.mlflow_tracker import MlflowTracker
from lrlab.tracking.spool import Destination
from lrlab.tracking.spooling_store import SpoolingStore
from lrlab.tracking.sqlite_store import SqliteStore, schema_is_supported
from lrlab.tracking.store import (
    CONTEXT,
    EXPERIMENT_KIND,
    MAX_LENGTH,
    MetricPoint,
    RejectedError,
    RunSpec,
    Store,
    dataset_profile,
    dataset_source,
    restore_infinity,
    run_not_found,
)
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import CONFIG, RunRecord, TerminalStatus, UnreachableError

if TYPE_CHECKING:
    from mlflow.entities import Run

ADDRESS = r"sqlite:///(?!:memory:)[^?]+|(https?|postgresql|mysql|mssql)(\+\w+)?://.+"
SETTINGS = {
    **database.QUIET,
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # A server that is down is noticed within seconds, not after MLflow's four minutes; what is tried again, and when,
    # is decided in `lrlab.tracking.spooling_store`
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
FINAL_ERRORS = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "INVALID_STATE")  # asking again would not help
BULK, MOST_RUNS, MOST_POINTS = "/ajax-api/2.0/mlflow/metrics/get-history-bulk", 100, 25_000


@dataclass(frozen=True)
class Mlflow:
    """Records in MLflow: `uri` is its tracking URI, by default `mlflow.db` in the output directory.

    An SQLite file is for the processes of one machine; workers on several machines need a server (http://).
    """

    uri: str | None = None
    experiment: str = "lrlab"

    def __post_init__(self) -> None:
        if self.uri is not None and not re.fullmatch(ADDRESS, str(self.uri)):
            allowed = "null, sqlite:///FILE, http(s)://HOST:PORT or another database's address"
            raise InputError(f"tracking.uri must be {allowed}, got {without_password(str(self.uri))!r}")
        if not isinstance(self.experiment, str) or not self.experiment.strip():
            raise InputError(f"tracking.experiment must be a name, got {self.experiment!r}")

    def verify(self, outputs: str = "outputs") -> None:
        """Refuse a server that does not answer. Once training has begun, it may come and go."""
        if self.uri is not None and not database.sqlite_file(self.uri):
            connect(self.uri, outputs, self.experiment)

    def open(self, outputs: str = "outputs") -> MlflowTracker:
        """A tracker; creates the store and the experiment when they are missing."""
        return MlflowTracker(open_store(self.uri, outputs, self.experiment))


def open_store(uri: str | None, outputs: str, experiment: str) -> Store:
    """The store at a tracking URI, created when missing.

    Raises:
        InputError: a file of ours cannot be read or written. A server is not asked before it is needed.
    """
    uri, root = database.address(uri, outputs), database.artifact_root(outputs)
    file = database.sqlite_file(uri)
    if file:
        database.create_database(file, root)
        if schema_is_supported(file):
            return SqliteStore(file, experiment, root)
        return connect(uri, outputs, experiment)
    client_class()  # takes seconds that are no delay of the server's
    destination = Destination(without_password(uri), experiment)
    return SpoolingStore(partial(connect, uri, outputs, experiment), Path(outputs) / "spool", destination)


def connect(uri: str, outputs: str, experiment: str) -> "ClientStore":
    """A store that is reached through MLflow's client.

    Raises:
        InputError: it does not answer.
    """
    return ClientStore(uri, experiment, None if uri.startswith("http") else str(database.artifact_root(outputs)))


def client_class() -> Any:
    """MLflow's client class, with those of `SETTINGS` that the environment does not have otherwise."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    return MlflowClient


def without_password(text: str) -> str:
    """A text that may hold addresses, fit to be shown."""
    return re.sub(r"//[^@\s]*@", "//", text)


def create_store(uri: str | None, outputs: str, experiment: str = "lrlab") -> None:
    """Create the store and the experiment when they are missing; quick when they are there."""
    open_store(uri, outputs, experiment).close()


class ClientStore:
    """MLflow runs behind MLflow's own client (see `Store`): servers, and databases other than SQLite."""

    def __init__(self, uri: str, experiment: str, artifact_root: str | None) -> None:
        self._uri = uri
        with self._translate_errors():
            self._client = client_class()(uri)
            self._experiment = self._open_experiment(experiment, artifact_root)

    def create_run(self, run: RunSpec) -> str:
        from mlflow.entities import Dataset, DatasetInput, InputTag, Param

        with self._translate_errors():
            created = self._client.create_run(self._experiment, start_time=run.time, tags=dict(run.tags))
            run_id: str = created.info.run_id
            self._client.log_batch(run_id, params=[Param(*param) for param in run.params.items()])
            if run.dataset:
                data = run.dataset
                digest = data.digest[: MAX_LENGTH["digest"]]
                dataset = Dataset(data.name, digest, *dataset_source(data), profile=dataset_profile(data))
                self._client.log_inputs(run_id, [DatasetInput(dataset, [InputTag(*CONTEXT)])])
        return run_id

    def write(
        self,
        run_id: str,
        *,
        points: Sequence[MetricPoint] = (),
        tags: Mapping[str, str] | None = None,
        status: TerminalStatus | None = None,
    ) -> None:
        from mlflow.entities import Metric, RunTag

        with self._translate_errors(run_id):
            metrics = [Metric(*point) for point in points]
            self._client.log_batch(run_id, metrics, tags=[RunTag(*tag) for tag in (tags or {}).items()])
            if status:
                self._client.set_terminated(run_id, status)

    def log_artifacts(self, run_id: str, files: Mapping[str, bytes]) -> None:
        with self._translate_errors(run_id), tempfile.TemporaryDirectory() as scratch:
            artifacts.write(Path(scratch), files)
            self._client.log_artifacts(run_id, scratch)

    def get_run(self, run_id: str) -> RunRecord:
        with self._translate_errors(run_id):
            run = self._client.get_run(run_id)
            if run.info.lifecycle_stage != "active":
                raise run_not_found(run_id, self._uri)
            return self._records([run])[0]

    def child_runs(self, parent: str) -> list[RunRecord]:
        with self._translate_errors():
            return self._records(list(self._search(f"tags.`{Tag.PARENT}` = '{parent}'")))

    def unfinished_runs(self) -> list[tuple[str, str]]:
        with self._translate_errors():
            running = self._search("attributes.status = 'RUNNING'")
            return [(run.info.run_id, run.data.tags.get(Tag.OWNER, "")) for run in running]

    def find_run(self, tag: str, value: str) -> str | None:
        with self._translate_errors():
            found = list(self._search(f"tags.`{tag}` = '{value}'"))
            found.sort(key=lambda run: (bool(run.data.metrics), run.info.status != "RUNNING"))
            for surplus in found[:-1]:
                if surplus.info.status == "RUNNING" and not surplus.data.metrics:
                    self._client.delete_run(surplus.info.run_id)
        return found[-1].info.run_id if found else None

    def close(self) -> None:
        pass

    def _open_experiment(self, name: str, artifact_root: str | None) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                self._client.create_experiment(name, artifact_root, tags=dict([EXPERIMENT_KIND]))
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process was quicker
                    raise
            found = self._client.get_experiment_by_name(name)
        if found is None or found.lifecycle_stage != "active":
            raise InputError(f"tracking.experiment must be one that can be used, got {name!r} in {self._uri}")
        return str(found.experiment_id)

    def _search(self, condition: str) -> Iterator["Run"]:
        """The runs of the experiment for which this holds, the oldest first."""
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment],
                condition,
                max_results=1000,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return

    def _records(self, runs: "Sequence[Run]") -> list[RunRecord]:
        metrics: dict[str, dict[str, list[tuple[int, float]]]] = {run.info.run_id: {} for run in runs}
        with ThreadPoolExecutor(8) as pool:
            configs = pool.map(self._config, runs)
            for history in pool.map(lambda request: self._history(*request), _requests(runs)):
                for run_id, point in sorted(history, key=lambda one: (one[1].step, one[1].time)):
                    values = metrics[run_id].setdefault(point.key, [])
                    values.append((point.step, restore_infinity(point.value)))
            return [
                RunRecord(
                    run.info.run_id,
                    run.info.run_name,
                    run.info.status,
                    run.data.tags.get(Tag.PARENT),
                    run.data.params,
                    run.data.tags,
                    config,
                    metrics[run.info.run_id],
                )
                for run, config in zip(runs, configs, strict=True)
            ]

    def _history(self, key: str, run_ids: Sequence[str]) -> list[tuple[str, MetricPoint]]:
        """All points of one metric of some runs."""
        if self._uri.startswith("http"):
            # The client asks for each run by itself; the user interface has a way to ask for many
            from mlflow.utils.credentials import get_default_host_creds
            from mlflow.utils.rest_utils import http_request_safe

            asked = {"run_id": run_ids, "metric_key": key, "max_results": MOST_POINTS}
            server = get_default_host_creds(self._uri)  # type: ignore[no-untyped-call]
            answered = http_request_safe(server, BULK, "GET", params=asked)  # type: ignore[no-untyped-call]
            answer = answered.json()["metrics"]
            if len(answer) < MOST_POINTS:
                return [
                    (one["run_id"], MetricPoint(key, float(one["value"]), one["timestamp"], one["step"]))
                    for one in answer
                ]
        return [
            (run_id, MetricPoint(key, one.value, one.timestamp, one.step))
            for run_id in run_ids
            for one in self._client.get_metric_history(run_id, key)
        ]

    def _config(self, run: "Run") -> str:
        from mlflow.artifacts import download_artifacts

        if CONFIG not in (file.path for file in self._client.list_artifacts(run.info.run_id)):
            return ""
        with tempfile.TemporaryDirectory() as scratch:
            uri = f"{run.info.artifact_uri}/{CONFIG}"
            return Path(download_artifacts(uri, dst_path=scratch, tracking_uri=self._uri)).read_text()

    @contextmanager
    def _translate_errors(self, run_id: str = "") -> Iterator[None]:
        from mlflow.exceptions import MlflowException

        try:
            yield
        except (MlflowException, OSError) as error:
            if run_id and getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
                raise run_not_found(run_id, self._uri) from error
            said = f"{self._uri} ({str(error).strip().partition(chr(10))[0]})"
            kind = RejectedError if getattr(error, "error_code", "") in FINAL_ERRORS else UnreachableError
            raise kind(f"tracking.uri must name an MLflow store that answers, got {without_password(said)}") from error


def _requests(runs: "Sequence[Run]") -> Iterator[tuple[str, list[str]]]:
    """Which metric to ask for, and of which runs: no more of them than a server takes at once."""
    for key in sorted({key for run in runs for key in run.data.metrics}):
        run_ids = [run.info.run_id for run in runs if key in run.data.metrics]
        for first in range(0, len(run_ids), MOST_RUNS):
            yield key, run_ids[first : first + MOST_RUNS]
