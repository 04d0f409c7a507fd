"""Look at every host on which a launcher would run workers: the folder, the data, the study's storage, the versions."""

import copy
import logging
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from lrlab.config.hydra_compat import worker_context
from lrlab.errors import InputError
from lrlab.sweeper.launching import ray, slurm
from lrlab.sweeper.launching.jobs import Jobs, WorkerReport
from lrlab.sweeper.launching.systems import check_installed, leaves_this_host

PERIOD = 300.0  # seconds for a host to answer: it may have to wait until a job ends there

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HostProbe:
    """The task that looks at a host; picklable.

    Attributes:
        look: raises an `InputError` if something is missing on the host where it is called; returns what it found.
    """

    look: TaskFunction

    def __call__(self, config: DictConfig) -> WorkerReport:
        host = socket.gethostname()
        try:
            return WorkerReport([(0, {"host": host, "found": self.look(config)})])
        except InputError as error:
            return WorkerReport(failure=f"{host}: {error}")
        except Exception as error:
            log.exception("looking at %s failed", host)
            return WorkerReport(failure=f"{host}: {type(error).__name__}: {error}")


def probe(config: DictConfig, context: HydraContext, look: TaskFunction) -> Iterator[tuple[str, WorkerReport]]:
    """Look at each host that the launcher of a composed config may use; yield its name and what came of it.

    Raises:
        InputError: the launcher cannot be used.
    """
    check_installed(str(config.hydra.launcher["_target_"]))
    if not leaves_this_host(config.hydra.launcher):
        return
    asked = {host: _ask(pinned, context, look) for host, pinned in _pinned(config)}
    end = time.monotonic() + PERIOD
    try:
        while asked and time.monotonic() < end:
            time.sleep(0.5)
            for host, jobs in list(asked.items()):
                if reports := jobs.ended():
                    del asked[host]
                    yield host, next(iter(reports.values()))
        for host in asked:
            yield host, WorkerReport(failure=f"{host}: no answer within {PERIOD:.0f} s: is it down, or full of jobs?")
    finally:
        for jobs in asked.values():
            jobs.cancel()


def with_folder(config: DictConfig, folder: Path) -> DictConfig:
    """Return a config whose launcher keeps its files in a folder."""
    changed = copy.deepcopy(config)
    with read_write(changed.hydra):
        changed.hydra.sweep.dir = str(folder)
    return changed


def _ask(config: DictConfig, context: HydraContext, look: TaskFunction) -> Jobs:
    launcher: Any = Plugins.instance().instantiate_launcher(worker_context(context), HostProbe(look), config)
    is_slurm = str(config.hydra.launcher["_target_"]).startswith(slurm.LAUNCHERS)
    jobs: Jobs = slurm.SubmititJobs(launcher) if is_slurm else ray.RayJobs(launcher)
    jobs.submit([0])
    return jobs


def _pinned(config: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    """Yield the hosts of a cluster, each with the config whose launcher runs its job there alone."""
    is_slurm = str(config.hydra.launcher["_target_"]).startswith(slurm.LAUNCHERS)
    launcher = config.hydra.launcher
    hosts = slurm_nodes(launcher.get("partition")) if is_slurm else ray.nodes(launcher.ray.init)
    for host in hosts:
        pinned = copy.deepcopy(config)
        with read_write(pinned.hydra), open_dict(pinned.hydra):
            if is_slurm:
                further = OmegaConf.to_container(pinned.hydra.launcher.additional_parameters) or {}
                pinned.hydra.launcher.additional_parameters = {**further, "nodelist": host}  # type: ignore[dict-item]
            else:
                remote = OmegaConf.to_container(pinned.hydra.launcher.ray.remote) or {}
                resources = {f"node:{host}": 0.001}
                pinned.hydra.launcher.ray.remote = {**remote, "resources": resources}  # type: ignore[dict-item]
        yield host, pinned


def slurm_nodes(partition: str | None) -> list[str]:
    """Return the nodes of a partition, or of the cluster's default one, by name.

    Raises:
        InputError: Slurm does not say.
    """
    try:
        command = ["sinfo", "--noheader", "--Node", "--format=%N %P"]
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    except (subprocess.SubprocessError, OSError) as error:
        raise InputError(f"hydra/launcher needs Slurm, and sinfo does not answer: {error}") from error
    rows = [line.split() for line in told.splitlines() if len(line.split()) == 2]
    wanted = [node for node, name in rows if (name.rstrip("*") == partition if partition else name.endswith("*"))]
    return sorted(set(wanted))
