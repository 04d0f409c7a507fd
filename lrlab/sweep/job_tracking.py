"""Where the jobs of somebody's own Hydra application are recorded, and how it was started."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig, OmegaConf

from lrlab.errors import InputError
from lrlab.runs.launch import Launch
from lrlab.sweep.study.state import Command
from lrlab.tracking import database
from lrlab.tracking.client_store import without_password
from lrlab.tracking.mlflow import ADDRESS, Mlflow
from lrlab.tracking.mlflow_tracker import MlflowTracker

KEY = "hydra.sweeper.tracking"
OUTPUTS = "outputs"
SWEEPER = "hydra_plugins.lrlab_plugin.LrlabSweeper"


@dataclass(frozen=True)
class JobTracking:
    """Where jobs are recorded.

    Attributes:
        uri: of MLflow; None for `mlflow.db` in `outputs`.
        outputs: an absolute directory.
    """

    uri: str | None
    outputs: str

    @property
    def address(self) -> str:
        """Return the tracking URI, absolute."""
        return database.address(self.uri, self.outputs)

    def verify(self) -> None:
        """Raise InputError if a server does not answer."""
        Mlflow(self.uri).verify(self.outputs)

    def open(self) -> MlflowTracker:
        """Return a tracker for this process."""
        return Mlflow(self.uri).open(self.outputs)


def job_tracking(config: DictConfig) -> JobTracking | None:
    """Return where the jobs of a composed config are recorded; None for nowhere.

    Raises:
        InputError: `hydra.sweeper.tracking` is no address.
    """
    uri = OmegaConf.select(config, KEY)
    if uri == "none":
        return None
    if uri is not None and not re.fullmatch(ADDRESS, str(uri)):
        allowed = "null, none, sqlite:///FILE, http(s)://HOST:PORT or another database's address"
        raise InputError(f"{KEY} must be {allowed}, got {without_password(str(uri))!r}")
    folder = config.hydra.runtime.cwd
    if uri is not None and uri.startswith("sqlite:///"):
        uri = f"sqlite:///{os.path.join(folder, uri.removeprefix('sqlite:///'))}"
    return JobTracking(uri, str(Path(folder, OUTPUTS)))


def parent_run(config: DictConfig) -> str:
    """Return the run that gets the jobs as children; "" if a new one does."""
    return str(OmegaConf.select(config, "hydra.sweeper.parent_run") or "")


def uses_lrlab(config: DictConfig) -> bool:
    """Return whether an application has `hydra/sweeper: lrlab`."""
    return bool(OmegaConf.select(config, "hydra.sweeper._target_") == SWEEPER)


def launch_of(config: DictConfig) -> Launch:
    """Return how this process was started, whose composed config is given."""
    main, directories = "", []
    for source in config.hydra.runtime.config_sources:
        path = f"pkg://{source.path}" if source.schema == "pkg" else source.path
        if source.provider == "main" and source.schema in ("pkg", "file"):
            main = path
        if source.provider == "command-line":
            directories.append(path)
    name = config.hydra.job.config_name or ""
    return Launch.of(sys.modules.get("__main__"), config.hydra.runtime.cwd, name, main, directories)


def typed_overrides(config: DictConfig, part: Literal["task", "hydra"]) -> list[str]:
    """Return the overrides of a composed config as they were typed: what they refer to is not filled in."""
    typed: Any = OmegaConf.to_container(config.hydra.overrides[part], resolve=False)
    return [str(override) for override in typed]


def command_of(config: DictConfig) -> Command:
    """Return the command line that began a sweep of somebody's own application."""
    from lrlab.config.secrets import without_secret

    launch = launch_of(config)
    overrides = (*typed_overrides(config, "task"), *typed_overrides(config, "hydra"))
    return Command(launch.config_dirs, launch.config_name, tuple(map(without_secret, overrides)), launch)


def plain(config: DictConfig, *, resolve: bool) -> dict[str, Any]:
    """Return a config as plain values; unresolved where an interpolation fails."""
    try:
        values: Any = OmegaConf.to_container(config, resolve=resolve, enum_to_str=True)
    except Exception:  # noqa: BLE001  a resolver of the application may raise anything: the job will, if it needs it
        values = OmegaConf.to_container(config, resolve=False, enum_to_str=True)
    return values  # type: ignore[no-any-return]
