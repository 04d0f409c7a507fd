"""Where runs are: which tracking URI and which experiment, chosen or from MLflow's environment variables."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lrlab.config.command_line import ENVIRONMENT, RESUME_PREFIX
from lrlab.config.sqlite_url import SCHEME, SqliteUrl
from lrlab.errors import InputError
from lrlab.tracking.database import OWN, sqlite_url, without_password

URI, EXPERIMENT, REGISTRY = "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_REGISTRY_URI"
CREDENTIALS = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
DEFAULT_EXPERIMENT = "lrlab"  # of earlier versions, which had one for everything
TRAIN = "train"  # the experiment of single trainings
REMOTE = re.compile(r"(https?|postgresql|mysql|mssql)(\+\w+)?://.+")


@dataclass(frozen=True)
class Place:
    """Where runs are.

    Attributes:
        uri: MLflow's tracking URI; `OWN` for the database in the output directory.
        experiment: the name of MLflow's experiment.
    """

    uri: str = OWN
    experiment: str = DEFAULT_EXPERIMENT

    def to_record(self, outputs: str) -> Self:
        """Return it as it is recorded: without a password, and what is in the project as seen from its outputs.

        So a project can be moved and copied. The project is the working directory, if the outputs are in it.
        """
        url = sqlite_url(self.uri, outputs) if self.uri.startswith(SCHEME) else None
        if url is None:
            return type(self)(without_password(self.uri), self.experiment)
        recorded = SqliteUrl(from_outputs(url.file, outputs), url.options)
        return type(self)(OWN if url == sqlite_url(OWN, outputs) else str(recorded), self.experiment)

    def as_written(self, uri: object) -> Self:
        """Return it as it is recorded where a configuration writes this URI: a reference to the environment stays one.

        Not one of `lrlab resume`, which passes on what the user gave it.
        """
        is_reference = isinstance(uri, str) and "${" in uri and RESUME_PREFIX not in uri
        return type(self)(str(uri), self.experiment) if is_reference else self

    @classmethod
    def from_record(cls, recorded: "Place", outputs: str) -> Self:
        """Return the place that `to_record` recorded.

        Raises:
            InputError: it names an environment variable that is not set, or a server of which the user says nothing
                while there are credentials for one in the environment.
        """
        uri, experiment = recorded.uri, recorded.experiment
        if reference := ENVIRONMENT.fullmatch(uri):
            if not (value := os.environ.get(reference[1])):
                raise InputError(f"tracking.uri is {uri}, as recorded with the study, and {reference[1]} is not set")
            return cls(check_uri(reference[1], value), experiment)
        if "${" in uri:
            raise InputError(f"tracking.uri is {uri}, as recorded with the study: give it as --tracking-uri")
        given = os.environ.get(URI, "")
        if without_password(given) == uri:
            return cls(given, experiment)
        if uri.startswith("http") and any(os.environ.get(name) for name in CREDENTIALS):
            raise InputError(
                f"the study names the server {uri} for its runs: give it as --tracking-uri, or as {URI}, "
                f"if it may see the credentials in {CREDENTIALS[0]} and the like"
            )
        url = SqliteUrl.parse("tracking.uri", uri, Path(outputs).absolute(), ["timeout"])
        return cls(str(url) if url else check_uri("tracking.uri", uri), experiment)


def check_uri(key: str, uri: object) -> str:
    """Return a tracking URI.

    Raises:
        InputError: it is none that lrlab can use.
    """
    text = str(uri)
    if text != OWN and not REMOTE.fullmatch(text) and not SqliteUrl.parse(key, text, Path.cwd(), ["timeout"]):
        allowed = f"null, {OWN}, sqlite:///FILE, http(s)://HOST:PORT or another database's address"
        raise InputError(f"{key} must be {allowed}, got {without_password(text)!r}")
    return text


def check_experiment(key: str, name: object) -> str:
    """Return the name of an experiment.

    Raises:
        InputError: it is none.
    """
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"{key} must be a name, got {name!r}")
    return name


def uri_of(environment: str) -> str | None:
    """Return the URI in an environment variable, if it is set."""
    value = os.environ.get(environment)
    return check_uri(environment, value) if value else None


def from_outputs(path: Path, outputs: str) -> Path:
    """Return a path as seen from the output directory if both are in the working directory; else as it is."""
    project, root = Path.cwd(), Path(outputs).absolute()
    if not (root.is_relative_to(project) and path.absolute().is_relative_to(project)):
        return path
    return Path(os.path.relpath(path.absolute(), root))
