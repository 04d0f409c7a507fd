"""Refuse files that several hosts would write at once: neither SQLite nor a journal is made for that."""

from collections.abc import Mapping
from pathlib import Path

import psutil
from omegaconf import DictConfig

from lrlab.config.sqlite_url import SCHEME
from lrlab.errors import InputError
from lrlab.runtime.process_id import host, is_local
from lrlab.sweeper.launching.systems import leaves_this_host
from lrlab.sweeper.study.queue import Queue, claimants
from lrlab.sweeper.study.storage import Storage
from lrlab.sweeper.study.study import find

# File systems that several hosts mount
NETWORK: tuple[str, ...] = (
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "lustre",
    "gpfs",
    "beegfs",
    "ceph",
    "glusterfs",
    "afs",
    "afpfs",
)
NETWORK += ("orangefs", "pvfs2", "panfs", "ocfs2", "gfs2", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "wekafs")
FORCE = "hydra.sweeper.shared_file=true forces it"


def check_storage(hydra: DictConfig, storage: Storage) -> None:
    """Refuse workers on other hosts that would share the file of the study.

    Args:
        hydra: the node of a composed config.
        storage: of the study.

    Raises:
        InputError: names the key, and what to use instead.
    """
    if storage.file and leaves_this_host(hydra.launcher) and not hydra.sweeper.shared_file:
        raise InputError(
            f"hydra.sweeper.storage must be postgresql://… for workers on other hosts, got {storage}, a file that "
            f"several hosts would write; {FORCE}"
        )


def check_runs(hydra: DictConfig, key: str, uri: str) -> None:
    """Refuse workers on other hosts that would share the file of the runs.

    Args:
        hydra: the node of a composed config.
        key: which names the place of the runs.
        uri: of MLflow, absolute.

    Raises:
        InputError: names the key, and what to use instead.
    """
    if uri.startswith(SCHEME) and leaves_this_host(hydra.launcher) and not hydra.sweeper.shared_file:
        raise InputError(
            f"{key} must be http://HOST:PORT of `mlflow server` for workers on other hosts, got {uri}, a file that "
            f"several hosts would write; {FORCE}"
        )


def check_other_hosts(storage: Storage, study: str, mounts: Mapping[str, str] | None = None) -> None:
    """Refuse a file on a network file system in which another host runs trials of the same study.

    Args:
        mounts: the type of every mounted file system by its folder; None for those of this host.

    Raises:
        InputError: names the file and the host.
    """
    if storage.file is None or not storage.exists or not is_on_network(storage.file, mounts):
        return
    if find(storage, study) is None:
        return
    running = [process for trial in Queue(storage, study).running() for process in claimants(trial)]
    others = sorted({host(process) for process in running if not is_local(process)})
    if others:
        raise InputError(
            f"hydra.sweeper.storage must be postgresql://… for several hosts, got {storage}, in which "
            f"{', '.join(others)} runs trials of {study}; {FORCE}"
        )


def is_on_network(file: Path, mounts: Mapping[str, str] | None = None) -> bool:
    """Return whether a file is, or would be, on a file system that several hosts mount."""
    known = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)} if mounts is None else mounts
    folder = file.resolve()
    around = [str(parent) for parent in (folder, *folder.parents) if str(parent) in known]
    return bool(around) and known[around[0]] in NETWORK
