"""Experiments of MLflow, at any tracking URI, read without writing to them."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.errors import InputError
from lrlab.tables.columns import MAX_ROWS, Source, from_rows
from lrlab.tracking.client_settings import client_settings
from lrlab.tracking.client_store import client_class
from lrlab.tracking.database import address, plain_address, sqlite_url, without_password
from lrlab.tracking.store import restore_infinity
from lrlab.tracking.tags import Tag

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

PAGE = 1000


def read_experiment(name: str, tracking_uri: str | None, outputs: str) -> Source:
    """Return the runs that finished, or diverged, as columns `params.*` and `metrics.*` (the last value of each).

    Args:
        name: of the experiment.
        tracking_uri: of MLflow; by default MLFLOW_TRACKING_URI, or else the database in `outputs`.
        outputs: the output directory.

    Raises:
        InputError: MLflow cannot be reached, or has no such experiment, or no run of it has finished.
    """
    uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or address(None, outputs)
    shown = without_password(uri)
    if (database := sqlite_url(uri)) and not database.file.is_file():  # MLflow would create it
        raise InputError(f"--tracking-uri must name an MLflow store, got {shown!r}: there is no such file")
    if ":" not in uri and not Path(uri).is_dir():
        raise InputError(f"--tracking-uri must name an MLflow store, got {shown!r}: there is no such folder")
    try:
        with client_settings, plain_address(uri) as plain:
            client = client_class()(plain)
            found = client.get_experiment_by_name(name)
            known = [] if found else [each.name for each in client.search_experiments(max_results=20)]
            runs = _runs(client, found.experiment_id) if found else []
    except Exception as error:  # noqa: BLE001  whatever MLflow and a database driver raise, which may show the URI
        raise InputError(f"MLflow at {shown} cannot be read: {type(error).__name__}") from None
    if found is None:
        raise InputError(f"MLflow at {shown} has no experiment {name!r}, only {', '.join(map(repr, known)) or 'none'}")
    ended = [run for run in runs if run.info.status == "FINISHED" or _diverged(run)]
    if not ended:
        raise InputError(f"experiment {name!r} must have runs that finished, got none of {len(runs)}")
    columns = from_rows(map(_row, ended), f"experiment {name!r}")
    missing = len(runs) - len(ended)
    return Source(
        name=name,
        columns=columns,
        keys=frozenset(key for key in columns if key.startswith("params.")),
        left_out=(f"{missing} of {len(runs)} runs did not finish",) if missing else (),
    )


def _runs(client: "MlflowClient", experiment: str) -> "list[Run]":
    runs: list[Run] = []
    token = None
    while True:
        page = client.search_runs([experiment], max_results=PAGE, page_token=token)
        runs += page
        token = page.token
        if not token or len(runs) > MAX_ROWS:
            return runs


def _row(run: "Run") -> dict[str, Any]:
    metrics = {name: restore_infinity(value) for name, value in run.data.metrics.items()}
    if _diverged(run):  # its last value may be one from before
        metrics = dict.fromkeys(metrics, math.nan)
    return {"params": dict(run.data.params), "metrics": metrics}


def _diverged(run: "Run") -> bool:
    return run.data.tags.get(Tag.DIVERGED) == "true"
