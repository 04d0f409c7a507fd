"""Runs in MLflow: the choice conf/tracking/mlflow.yaml, and which store a tracking URI needs."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from lrlab.config import validation
from lrlab.config.command_line import Places, command
from lrlab.errors import InputError
from lrlab.tracking import database
from lrlab.tracking.artifact_root import relocate
from lrlab.tracking.artifacts import location
from lrlab.tracking.client_store import ClientStore, client_class
from lrlab.tracking.database import without_password
from lrlab.tracking.mlflow_tracker import MlflowTracker
from lrlab.tracking.place import DEFAULT_EXPERIMENT, EXPERIMENT, TRAIN, URI, Place, check_experiment, check_uri, uri_of
from lrlab.tracking.spool import Destination
from lrlab.tracking.spool_delivery import PREFIX
from lrlab.tracking.spooling_store import SpoolingStore
from lrlab.tracking.sqlite_store import SqliteStore, schema_is_supported
from lrlab.tracking.store import RejectedError
from lrlab.tracking.tracker import UnreachableError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mlflow:
    """Record in MLflow.

    What is None is taken from MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME; without these, runs are recorded in
    `mlflow.db` in the output directory, in the experiment `kind`. A `uri` of "outputs" is that database, too.

    An SQLite file is for the processes of one machine; workers on several machines need a server (http://).

    Attributes:
        wait: at the end of a command, for records that a server has not taken yet: as long as there is progress, or for
            a number of seconds; False for no more than a moment.
    """

    uri: str | None = None
    experiment: str | None = None
    kind: str = DEFAULT_EXPERIMENT  # of what is recorded: the name of a sweep, say
    wait: bool | float = True

    def __post_init__(self) -> None:
        if not isinstance(self.wait, bool) and not (isinstance(self.wait, int | float) and self.wait >= 0):
            raise InputError(f"tracking.wait must be true, false or a number of seconds >= 0, got {self.wait!r}")
        if self.uri is not None:
            check_uri("tracking.uri", self.uri)
        if self.experiment is not None:
            check_experiment("tracking.experiment", self.experiment)

    @property
    def place(self) -> Place:
        """Return where runs are recorded."""
        experiment = self.experiment or os.environ.get(EXPERIMENT, "").strip() or self.kind
        return Place(self.uri or uri_of(URI) or database.OWN, experiment)

    def address(self, outputs: str) -> str:
        """Return the tracking URI, absolute."""
        return database.address(self.place.uri, outputs)

    def following(self, recorded: Place | None, outputs: str) -> "Mlflow":
        """Return this with the place that a study recorded for its runs where nothing was chosen.

        Raises:
            InputError: as of `Place.from_record`.
        """
        if recorded is None:
            return self
        uri = self.uri or Place.from_record(recorded, outputs).uri
        return replace(self, uri=uri, experiment=self.experiment or recorded.experiment)

    def check_same(self, recorded: Place, run_id: str, outputs: str) -> None:
        """Refuse to record the further runs of a study elsewhere than its first ones.

        Args:
            recorded: where the study says that its runs are. A store may have moved since.
            run_id: one of them.

        Raises:
            InputError: names the key.
        """
        place = self.place
        if place.experiment != recorded.experiment:
            wanted = f"{recorded.experiment!r}, which holds the runs of the study"
            raise InputError(f"tracking.experiment must be {wanted}, got {place.experiment!r}")
        if place.to_record(outputs).uri == recorded.uri:
            return
        self.check_exists(outputs)
        try:
            with open_tracker(database.address(place.uri, outputs), outputs, None) as tracker:
                tracker.get_run(run_id)
        except RejectedError as error:
            raise InputError(
                f"tracking.uri must be where the runs of the study are, got {_shown(place.uri)}"
            ) from error
        except UnreachableError:
            logger.info("whether the runs of the study are in %s cannot be known now", _shown(place.uri))

    def announce(self, recorded: Place | None = None) -> None:
        """Say in a line what comes from the environment, and what there does not count because a study knows better."""
        chosen = {URI: self.uri, EXPERIMENT: self.experiment}
        given = {name: os.environ.get(name, "").strip() for name in chosen}
        used = [name for name, value in chosen.items() if value is None and given[name]]
        if recorded and given[URI] and given[URI] != self.uri:
            logger.info("%s does not count: the study has its runs in %s", URI, _shown(self.place.uri))
        if used:
            where, experiment = _shown(self.place.uri), self.place.experiment
            logger.info("%s: runs are in %s, experiment %r", " and ".join(used), where, experiment)
        if os.environ.get("MLFLOW_EXPERIMENT_ID") and not self.experiment and EXPERIMENT not in used:
            logger.info("MLFLOW_EXPERIMENT_ID is not followed: name the experiment in %s", EXPERIMENT)

    def verify(self, outputs: str = "outputs") -> None:
        """Raise InputError if a file cannot be written or a server does not answer; it may come and go later."""
        place = self.place
        if url := database.sqlite_url(place.uri, outputs):
            validation.writable_file("outputs" if place.uri == database.OWN else "tracking.uri", url.file)
        else:
            connect(place.uri, outputs, place.experiment).close()

    def open(self, outputs: str = "outputs", view: Mapping[str, str] | None = None) -> MlflowTracker:
        """Return a tracker; create the store and the experiment when they are missing.

        Args:
            view: tags of the experiment, which say what MLflow shows of its runs (see `lrlab.tracking.run_table`).

        Raises:
            InputError: a local file cannot be read or written. A server is not asked before it is needed.
        """
        place = self.place
        uri, root = database.address(place.uri, outputs), database.artifact_root(outputs)
        if url := database.sqlite_url(uri, outputs):
            database.create_database(url.file, root)
        return open_tracker(uri, outputs, place.experiment, view, self.wait)

    def open_existing(self, outputs: str = "outputs") -> MlflowTracker:
        """Return a tracker as `open` does; create no store.

        Raises:
            InputError: there is none.
        """
        self.check_exists(outputs)
        return self.open(outputs)

    def open_all(self, outputs: str = "outputs") -> MlflowTracker:
        """Return a tracker for the runs of all experiments, which creates none.

        Raises:
            InputError: there is no store.
        """
        self.check_exists(outputs)
        return open_tracker(database.address(self.place.uri, outputs), outputs, None)

    def open_beside(self, run_id: str, outputs: str = "outputs") -> MlflowTracker:
        """Return a tracker whose new runs belong to the experiment of a run, unless another one was chosen.

        Raises:
            InputError: there is no such run, or no store.
        """
        self.check_exists(outputs)
        if self.experiment is not None:
            return self.open(outputs)
        try:
            with self.open_all(outputs) as tracker:
                experiment = tracker.get_run(run_id).experiment
        except UnreachableError:
            if not run_id.startswith(PREFIX):
                raise
            return replace(self, kind=TRAIN).open(outputs)  # delivers what waits for it, perhaps this run
        return replace(self, experiment=experiment).open(outputs)

    def client_store(self, outputs: str = "outputs") -> ClientStore | None:
        """Return the runs as MLflow's client sees them; None if there is no store.

        Raises:
            InputError: it does not answer.
        """
        uri = self.place.uri
        url = database.sqlite_url(uri, outputs)
        if url and not url.file.is_file():
            return None
        return connect(database.address(uri, outputs), outputs, None)

    def check_exists(self, outputs: str) -> None:
        """Refuse a place where a file should hold runs, and there is none.

        Raises:
            InputError: names it.
        """
        uri = self.place.uri
        url = database.sqlite_url(uri, outputs)
        if url and not url.file.is_file():
            key, given = ("outputs", outputs) if uri == database.OWN else ("tracking.uri", uri)
            raise InputError(f"{key} must be where runs of lrlab's are, got {given!r}: there is no {url.file}")


def _shown(uri: str) -> str:
    return "the output directory" if uri == database.OWN else without_password(uri)


def open_tracker(
    uri: str, outputs: str, experiment: str | None, view: Mapping[str, str] | None = None, wait: bool | float = True
) -> MlflowTracker:
    """Return a tracker for a store that exists, and for an experiment that is created when it is missing.

    Args:
        uri: absolute.
        experiment: None if no run will be created.
        view: tags of the experiment.
        wait: as of `Mlflow`.
    """
    reach = partial(connect, uri, outputs, experiment, view)
    if url := database.sqlite_url(uri, outputs):
        if schema_is_supported(url):
            return MlflowTracker(SqliteStore(url, experiment, database.artifact_root(outputs), view))
        relocate(url, database.artifact_root(outputs))  # here it is MLflow that looks for the artifacts
        return MlflowTracker(reach())
    client_class()  # takes seconds that are no delay of the server's
    destination = Destination(without_password(uri), experiment or "")
    repair = command("repair", places=Places(Path(outputs), tracking_uri=uri))
    return MlflowTracker(SpoolingStore(reach, Path(outputs) / "spool", destination, repair, wait))


def connect(uri: str, outputs: str, experiment: str | None, view: Mapping[str, str] | None = None) -> ClientStore:
    """Return a store that is reached through MLflow's client.

    Raises:
        InputError: it does not answer.
    """
    remote = uri.startswith("http")
    return ClientStore(uri, experiment, None if remote else location(database.artifact_root(outputs)), view)
