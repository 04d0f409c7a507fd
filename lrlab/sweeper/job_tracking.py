"""Where the jobs of somebody's own Hydra application are recorded, and how it was started."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from lrlab.config import environment
from lrlab.config.command_line import RESUME_PREFIX, Places
from lrlab.config.override import overrides_of, texts_override
from lrlab.config.sqlite_url import SqliteUrl
from lrlab.errors import InputError
from lrlab.runs.launch import Launch
from lrlab.sweeper.study.state import Command, SweepState
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.mlflow_tracker import MlflowTracker
from lrlab.tracking.place import DEFAULT_EXPERIMENT, Place, check_experiment, check_uri

KEY, EXPERIMENT_KEY = "hydra.sweeper.tracking", "hydra.sweeper.experiment"
OUTPUTS = "outputs"
SWEEPER = "hydra_plugins.lrlab_plugin.LrlabSweeper"


@dataclass(frozen=True)
class JobTracking:
    """Where jobs are recorded.

    Attributes:
        mlflow: the tracking URI and the experiment, absolute.
        outputs: an absolute directory.
    """

    mlflow: Mlflow
    outputs: str

    @property
    def address(self) -> str:
        """Return the tracking URI, absolute."""
        return self.mlflow.address(self.outputs)

    def open(self, view: Mapping[str, str] | None = None) -> MlflowTracker:
        """Return a tracker for this process (see `Mlflow.open`)."""
        return self.mlflow.open(self.outputs, view)


def job_tracking(config: DictConfig, state: SweepState | None = None) -> JobTracking | None:
    """Return where the jobs of a composed config are recorded; None for nowhere.

    Args:
        state: of the study that they belong to; where its runs are counts where nothing is chosen.

    Raises:
        InputError: `hydra.sweeper.tracking` is no address, or the study has its runs in another experiment than asked.
    """
    uri = OmegaConf.select(config, KEY)
    if uri == "none":
        return None
    uri = uri or environment.address(environment.TRACKING_URI)
    folder = Path(config.hydra.runtime.cwd)
    outputs = str(folder / OUTPUTS)
    if uri is not None:
        url = SqliteUrl.parse(KEY, check_uri(KEY, uri), folder, ["timeout"])
        uri = str(url) if url else str(uri)
    is_new = state is None or not state.run_id
    kind = config.hydra.job.name if is_new else DEFAULT_EXPERIMENT
    experiment, recorded = OmegaConf.select(config, EXPERIMENT_KEY), state.runs if state else None
    if experiment is not None and recorded and str(experiment) != recorded.experiment:
        wanted = f"{recorded.experiment!r}, which holds the runs of the study"
        raise InputError(f"{EXPERIMENT_KEY} must be {wanted}, got {str(experiment)!r}")
    chosen = None if experiment is None else check_experiment(EXPERIMENT_KEY, str(experiment))
    return JobTracking(Mlflow(uri, chosen, kind).following(recorded, outputs), outputs)


def place_of(tracking: JobTracking, config: DictConfig) -> Place:
    """Return where jobs are, to be put on record: a reference to the environment stays one."""
    return tracking.mlflow.place.to_record(tracking.outputs).as_written(_written(config, "tracking"))


def places(config: DictConfig) -> Places:
    """Return where the study and the runs of a sweep are, as other commands are told from its folder."""
    addresses = {}
    for name in ("storage", "tracking"):
        written = _written(config, name)
        addresses[name] = config.hydra.sweeper[name] if written and RESUME_PREFIX in written else written
    if addresses["tracking"] == "none":
        tracking = None
    else:
        tracking = addresses["tracking"] or environment.address(environment.TRACKING_URI)
    return Places(Path(OUTPUTS), addresses["storage"] or environment.address(environment.STORAGE), tracking)


def _written(config: DictConfig, name: str) -> str | None:
    """Return a key of the sweeper as it is written, with what it takes from the environment still unread."""
    sweeper: Any = OmegaConf.to_container(config.hydra.sweeper, resolve=False)
    value = sweeper.get(name)
    return None if value is None else str(value)


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


def untold(config: DictConfig) -> list[str]:
    """Return the overrides that a sweep needs again when it is resumed, since trust is not inherited."""
    allow: Any = OmegaConf.select(config, "hydra.sweeper.allow")
    return [texts_override("hydra.sweeper.allow", list(allow))] if allow else []


def command_of(config: DictConfig) -> Command:
    """Return the command line that began a sweep of somebody's own application."""
    from lrlab.config.secrets import without_secret

    launch = launch_of(config)
    overrides = (*overrides_of(config, "task"), *overrides_of(config, "hydra"))
    return Command(launch.config_dirs, launch.config_name, tuple(map(without_secret, overrides)), launch)


def plain(config: DictConfig, *, resolve: bool) -> dict[str, Any]:
    """Return a config as plain values; unresolved where an interpolation fails."""
    try:
        values: Any = OmegaConf.to_container(config, resolve=resolve, enum_to_str=True)
    except Exception:  # noqa: BLE001  a resolver of the application may raise anything: the job will, if it needs it
        values = OmegaConf.to_container(config, resolve=False, enum_to_str=True)
    return values  # type: ignore[no-any-return]
