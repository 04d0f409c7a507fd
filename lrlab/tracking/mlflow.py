"""Runs in MLflow: the choice conf/tracking/mlflow.yaml, and which store a tracking URI needs."""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lrlab.config.command_line import Places, command
from lrlab.errors import InputError
from lrlab.tracking import database
from lrlab.tracking.client_store import ClientStore, client_class
from lrlab.tracking.database import without_password
from lrlab.tracking.mlflow_tracker import MlflowTracker
from lrlab.tracking.spool import Destination
from lrlab.tracking.spooling_store import SpoolingStore
from lrlab.tracking.sqlite_store import SqliteStore, schema_is_supported

ADDRESS = r"sqlite:///(?!:memory:)[^?]+|(https?|postgresql|mysql|mssql)(\+\w+)?://.+"


@dataclass(frozen=True)
class Mlflow:
    """Record in MLflow: `uri` is its tracking URI, by default `mlflow.db` in the output directory.

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
        """Raise InputError if a server does not answer. Once training has begun, it may come and go."""
        if self.uri is not None and not database.sqlite_file(self.uri):
            connect(self.uri, outputs, self.experiment)

    def open(self, outputs: str = "outputs") -> MlflowTracker:
        """Return a tracker; create the store and the experiment when they are missing.

        Raises:
            InputError: a local file cannot be read or written. A server is not asked before it is needed.
        """
        uri, root = database.address(self.uri, outputs), database.artifact_root(outputs)
        reach = partial(connect, uri, outputs, self.experiment)
        if file := database.sqlite_file(uri):
            database.create_database(file, root)
            return MlflowTracker(SqliteStore(file, self.experiment, root) if schema_is_supported(file) else reach())
        client_class()  # takes seconds that are no delay of the server's
        destination = Destination(without_password(uri), self.experiment)
        repair = command("repair", places=Places(Path(outputs), tracking_uri=self.uri))
        return MlflowTracker(SpoolingStore(reach, Path(outputs) / "spool", destination, repair))


def connect(uri: str, outputs: str, experiment: str) -> ClientStore:
    """Return a store that is reached through MLflow's client.

    Raises:
        InputError: it does not answer.
    """
    return ClientStore(uri, experiment, None if uri.startswith("http") else str(database.artifact_root(outputs)))
