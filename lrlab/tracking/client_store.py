"""The store behind MLflow's own client: servers, and databases other than SQLite.

Import mlflow only when a store is opened: it takes seconds, and a local SQLite file does without it (see
`lrlab.tracking.sqlite_store`).
"""

import logging
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lrlab.errors import InputError, cannot_write
from lrlab.tracking import artifacts, database
from lrlab.tracking.artifact_root import ArtifactRoot
from lrlab.tracking.client_settings import client_settings
from lrlab.tracking.database import without_password
from lrlab.tracking.log_batches import log_batches
from lrlab.tracking.store import (
    CONTEXT,
    EXPERIMENT_KIND,
    MAX_LENGTH,
    MetricPoint,
    RejectedError,
    RunSpec,
    RunUpdate,
    dataset_profile,
    dataset_source,
    experiment_deleted,
    restore_infinity,
    run_deleted,
    run_not_found,
)
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import CONFIG, Histories, OpenRun, RunRecord, RunSummary, UnreachableError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

logger = logging.getLogger(__name__)

FINAL_ERRORS = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "INVALID_STATE")  # asking again would not help
BULK, MOST_RUNS, MOST_POINTS = "/ajax-api/2.0/mlflow/metrics/get-history-bulk", 100, 25_000  # private to MLflow


def client_class() -> "type[MlflowClient]":
    """Return MLflow's client class; use it inside `client_settings`."""
    with client_settings:
        from mlflow import MlflowClient

    return MlflowClient


class ClientStore:
    """Keep runs through MLflow's own client (see `Store`).

    Args:
        uri: a tracking URI.
        experiment: the name of the one that new runs belong to; created when it is missing. None if there will be none.
        artifact_root: the location of a new experiment's artifacts; None if the server chooses it.
        view: tags of the experiment.
    """

    def __init__(
        self,
        uri: str,
        experiment: str | None,
        artifact_root: str | None,
        view: Mapping[str, str] | None = None,
    ) -> None:
        self._uri = uri
        self._asks_in_bulk = uri.startswith("http")
        self._names: dict[str, str] = {}
        self._root: ArtifactRoot | None = None
        if artifact_root is not None:
            url, folder = database.sqlite_url(uri), artifacts.directory(artifact_root)
            self._root = ArtifactRoot.of(url.file, folder) if url else ArtifactRoot(folder, owned=False)
        with ExitStack() as opened:
            self._address = opened.enter_context(database.plain_address(uri))
            with self._translate_errors():
                self._client = client_class()(self._address)
                self._experiment = ""
                if experiment is not None:
                    self._experiment = self._open_experiment(experiment, artifact_root, view or {})
            self._opened = opened.pop_all()

    def create_run(self, run: RunSpec) -> str:
        run_id = self.new_run(run)
        self.describe(run_id, run, RunUpdate())
        return run_id

    def new_run(self, run: RunSpec) -> str:
        with self._translate_errors():
            created = self._client.create_run(self._experiment, start_time=run.time, tags=dict(run.tags))
            return str(created.info.run_id)

    def describe(self, run_id: str, run: RunSpec, update: RunUpdate) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        if run.dataset:
            data = run.dataset
            digest = data.digest[: MAX_LENGTH["digest"]]
            dataset = Dataset(data.name, digest, *dataset_source(data), profile=dataset_profile(data))
            with self._translate_errors(run_id):
                self._client.log_inputs(run_id, [DatasetInput(dataset, [InputTag(*CONTEXT)])])
        self._write(run_id, replace(update, params={**update.params, **run.params}))

    def write(self, run_id: str, update: RunUpdate) -> None:
        if update.params:
            with self._translate_errors(run_id):
                has = self._client.get_run(run_id).data.params
            update = replace(update, params={name: text for name, text in update.params.items() if name not in has})
        self._write(run_id, update)

    def _write(self, run_id: str, update: RunUpdate) -> None:
        """Write an update, whose params the run does not have, in as few requests as MLflow allows."""
        from mlflow.entities import Metric, Param, RunTag

        with self._translate_errors(run_id):
            for batch in log_batches(update):
                metrics = [Metric(*point) for point in batch.points]
                params = [Param(*param) for param in batch.params.items()]
                self._client.log_batch(run_id, metrics, params, [RunTag(*tag) for tag in batch.tags.items()])
            if update.status == "RUNNING":
                self._client.update_run(run_id, update.status)
            elif update.status:
                self._client.set_terminated(run_id, update.status, update.time)

    def log_artifacts(self, run_id: str, files: Mapping[str, bytes]) -> None:
        with self._translate_errors(run_id), tempfile.TemporaryDirectory() as scratch:
            folder = self._folder(self._client.get_run(run_id)) if self._root else None
            artifacts.write(folder or Path(scratch), files)
            if folder is not None:
                return
            try:
                self._client.log_artifacts(run_id, scratch)
            except OSError as error:
                if error.filename is None:  # the network's
                    raise
                raise cannot_write(f"the artifacts in {error.filename}", error) from error

    def get_run(self, run_id: str) -> RunRecord:
        with self._translate_errors(run_id):
            run = self._client.get_run(run_id)
            if run.info.lifecycle_stage != "active":
                raise run_deleted(run_id, self._uri)
            return self._records([run])[0]

    def child_runs(self, parent: str) -> list[RunRecord]:
        with self._translate_errors():
            return self._records(list(self._children(parent)))

    def summaries(self, parent: str) -> list[RunSummary]:
        with self._translate_errors():
            return [_summary(run) for run in self._children(parent)]

    def histories(self, run_ids: Sequence[str], metrics: Collection[str]) -> Histories:
        with self._translate_errors():
            return self._histories(dict.fromkeys(metrics, run_ids))

    def unfinished_runs(self) -> list[OpenRun]:
        with self._translate_errors():
            return [_open_run(run) for run in self._search("attributes.status = 'RUNNING'", self._experiments())]

    def find_run(self, tag: str, value: str) -> str | None:
        with self._translate_errors():
            return next((str(run.info.run_id) for run in reversed(self._tagged(tag, value))), None)

    def delete_empty_duplicates(self, tag: str, value: str) -> None:
        with self._translate_errors():
            for duplicate in self._tagged(tag, value)[:-1]:
                if duplicate.info.status == "RUNNING" and not duplicate.data.metrics:
                    self._client.delete_run(duplicate.info.run_id)

    def delete_with_children(self, run_id: str) -> int:
        """Move a run, and before it the runs whose parent it is, to MLflow's trash; return how many."""
        with self._translate_errors(run_id):
            experiment = self._client.get_run(run_id).info.experiment_id
            children = self._search(f"tags.`{Tag.PARENT}` = '{run_id}'", [experiment])
            doomed = [*(child.info.run_id for child in children), run_id]
            for each in doomed:
                self._client.delete_run(each)
        return len(doomed)

    def deliver(self) -> None:
        pass

    def close(self) -> None:
        self._opened.close()

    def _open_experiment(self, name: str, artifact_root: str | None, view: Mapping[str, str]) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                self._client.create_experiment(name, artifact_root, tags=dict([EXPERIMENT_KIND]))
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process was quicker
                    raise
            found = self._client.get_experiment_by_name(name)
        if found is None:
            raise InputError(f"tracking.experiment must be one that can be used, got {name!r}")
        if found.lifecycle_stage != "active":
            raise experiment_deleted(name, found.experiment_id, self._uri)
        for key, value in view.items():
            if found.tags.get(key) != value:
                self._client.set_experiment_tag(found.experiment_id, key, value)
        return str(found.experiment_id)

    def _children(self, parent: str) -> Iterator["Run"]:
        from mlflow.exceptions import MlflowException

        try:
            experiments = [self._client.get_run(parent).info.experiment_id]
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            experiments = self._experiments()
        return self._search(f"tags.`{Tag.PARENT}` = '{parent}'", experiments)

    def _tagged(self, tag: str, value: str) -> "list[Run]":
        """Return the runs with this tag, the one with most in it last."""
        found = self._search(f"tags.`{tag}` = '{value}'", self._experiments())
        return sorted(found, key=lambda run: (bool(run.data.metrics), run.info.status != "RUNNING"))

    def _experiments(self) -> list[str]:
        """Return the ids of the experiment that was opened, or else of all that there are."""
        if self._experiment:
            return [self._experiment]
        found: list[str] = []
        token = None
        while True:
            page = self._client.search_experiments(max_results=1000, page_token=token)
            found += [str(each.experiment_id) for each in page]
            token = page.token
            if not token:
                return found

    def _search(self, condition: str, experiments: Sequence[str]) -> Iterator["Run"]:
        """Yield the runs of experiments that meet the condition, oldest first."""
        token = None
        while True:
            page = self._client.search_runs(
                list(experiments),
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
        names = {key for run in runs for key in run.data.metrics}
        metrics = self._histories({key: [run.info.run_id for run in runs if key in run.data.metrics] for key in names})
        with ThreadPoolExecutor(8) as pool:
            configs = pool.map(self._config, runs)
            return [
                RunRecord(
                    run.info.run_id,
                    run.info.run_name,
                    run.info.status,
                    run.data.tags.get(Tag.PARENT),
                    run.data.params,
                    run.data.tags,
                    config,
                    metrics.get(run.info.run_id, {}),
                    self._name(run.info.experiment_id),
                    run.info.experiment_id,
                )
                for run, config in zip(runs, configs, strict=True)
            ]

    def _name(self, experiment: str) -> str:
        if experiment not in self._names:
            self._names[experiment] = self._client.get_experiment(experiment).name
        return self._names[experiment]

    def _histories(self, recorded: Mapping[str, Sequence[str]]) -> Histories:
        """Return the histories of each metric of the runs that have it."""
        found: Histories = {}
        with ThreadPoolExecutor(8) as pool:
            for history in pool.map(lambda request: self._history(*request), _requests(recorded)):
                for run_id, point in sorted(history, key=lambda entry: (entry[1].step, entry[1].time)):
                    points = found.setdefault(run_id, {}).setdefault(point.key, [])
                    points.append((point.step, restore_infinity(point.value)))
        return found

    def _history(self, key: str, run_ids: Sequence[str]) -> list[tuple[str, MetricPoint]]:
        """Return all points of one metric of some runs, each with its run's id."""
        failure: Exception | None = None
        if self._asks_in_bulk:
            try:
                points = self._bulk_history(key, run_ids)
                if len(points) < MOST_POINTS:
                    return points
            except Exception as error:  # noqa: BLE001  private to MLflow: whatever has changed, there is the public way
                failure = error
        points = [
            (run_id, MetricPoint(key, metric.value, metric.timestamp, metric.step))
            for run_id in run_ids
            for metric in self._client.get_metric_history(run_id, key)
        ]
        if failure:  # and it is not the server that is away
            logger.info("MLflow's bulk request failed (%s): each run's history is asked for by itself", failure)
            self._asks_in_bulk = False
        return points

    def _bulk_history(self, key: str, run_ids: Sequence[str]) -> list[tuple[str, MetricPoint]]:
        """Return it by the request of MLflow's user interface: one for many runs, `MOST_POINTS` points at most."""
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request_safe

        query = {"run_id": run_ids, "metric_key": key, "max_results": MOST_POINTS}
        server = get_default_host_creds(self._address)  # type: ignore[no-untyped-call]
        response = http_request_safe(server, BULK, "GET", params=query)  # type: ignore[no-untyped-call]
        return [
            (point["run_id"], MetricPoint(key, float(point["value"]), point["timestamp"], point["step"]))
            for point in response.json()["metrics"]
        ]

    def _config(self, run: "Run") -> str:
        from mlflow.artifacts import download_artifacts

        if folder := self._folder(run):
            return artifacts.read(folder, CONFIG).decode()
        if CONFIG not in (file.path for file in self._client.list_artifacts(run.info.run_id)):
            return ""
        with tempfile.TemporaryDirectory() as scratch:
            uri = f"{run.info.artifact_uri}/{CONFIG}"
            return Path(download_artifacts(uri, dst_path=scratch, tracking_uri=self._address)).read_text()

    def _folder(self, run: "Run") -> Path | None:
        """Return the directory of a run's artifacts if this process reaches them by itself, without a server."""
        info = run.info
        if self._root is None or not info.artifact_uri.startswith(("/", "file:")):
            return None
        return self._root.of_run(info.artifact_uri, int(info.experiment_id), info.run_id)

    @contextmanager
    def _translate_errors(self, run_id: str = "") -> Iterator[None]:
        with client_settings:
            from mlflow.exceptions import MlflowException

        try:
            with client_settings:
                yield
        except (MlflowException, OSError) as error:
            if run_id and getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
                raise run_not_found(run_id, self._uri, without_password(self._uri)) from error
            got = without_password(f"{self._uri} ({str(error).strip().partition(chr(10))[0]})")
            kind = RejectedError if getattr(error, "error_code", "") in FINAL_ERRORS else UnreachableError
            raise kind(f"tracking.uri must name an MLflow store that answers, got {got}") from error


def _open_run(run: "Run") -> OpenRun:
    owner, parent, trial = (run.data.tags.get(tag, "") for tag in (Tag.OWNER, Tag.PARENT, Tag.TRIAL))
    signs = [run.info.start_time, *(metric.timestamp for metric in run.data._metric_objs)]  # noqa: SLF001  as below
    return OpenRun(run.info.run_id, owner, max(signs) / 1000, parent, trial)


def _summary(run: "Run") -> RunSummary:
    latest = {metric.key: (metric.step, restore_infinity(metric.value)) for metric in run.data._metric_objs}  # noqa: SLF001  public: without the steps
    return RunSummary(run.info.run_id, run.info.run_name, run.info.status, run.data.params, run.data.tags, latest)


def _requests(recorded: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield which metric to ask for, and of which runs: no more of them than a server takes at once."""
    for key, run_ids in sorted(recorded.items()):
        for first in range(0, len(run_ids), MOST_RUNS):
            yield key, run_ids[first : first + MOST_RUNS]
