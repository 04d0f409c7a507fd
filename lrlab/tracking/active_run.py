"""The run that an application has opened in MLflow by itself."""

import sys
from contextlib import suppress
from typing import NamedTuple

from lrlab.tracking.database import address


class ActiveRun(NamedTuple):
    """A run, and the tracking URI of its store, absolute."""

    run_id: str
    uri: str


def latest_run() -> ActiveRun | None:
    """Return the run that is open in this thread through MLflow's own functions, or was the last one to be.

    An application that has not imported MLflow has none: it is not imported here, which would take seconds.
    """
    mlflow = sys.modules.get("mlflow")
    if mlflow is None or not hasattr(mlflow, "last_active_run"):  # still being imported
        return None
    run = mlflow.active_run()
    if run is None:
        with suppress(Exception):  # its store has gone, or the run was deleted
            run = mlflow.last_active_run()
    return ActiveRun(run.info.run_id, address(mlflow.get_tracking_uri(), ".")) if run else None
