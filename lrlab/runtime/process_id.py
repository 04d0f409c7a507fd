"""Identify processes across machines and restarts, to tell what a dead one left behind from what a living one does."""

import os
import socket
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self

import psutil

SAME_START = 1.0  # seconds by which two readings of one start may differ


class ProcessId(NamedTuple):
    """A process among all that ever ran.

    Attributes:
        host: name of its machine.
        machine: the machine's own id, where it has one; another machine may have the same name.
        boot: id of the boot of the machine.
        namespace: within which `pid` counts: that of a container, say.
        pid: its number; a later process may have the same.
        start: when it started, in seconds since the boot (macOS: since 1970).
    """

    host: str
    machine: str
    boot: str
    namespace: str
    pid: int
    start: float

    @classmethod
    def current(cls) -> Self:
        """Return this process."""
        pid = os.getpid()
        return cls(*_machine(), pid, _own_start(pid))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what `str` wrote, or None if it is something else."""
        try:
            host, machine, boot, namespace, pid, start = text.split("/")
            return cls(host, machine, boot, namespace, int(pid), float(start))
        except ValueError:
            return None

    def __str__(self) -> str:
        """Return it as a text without spaces."""
        return f"{'/'.join(self[:4])}/{self.pid}/{self.start:.2f}"


def is_gone(process: str, lost_hosts: Collection[str] = (), seen: float = 0.0) -> bool:
    """Return whether a process certainly does not run any more.

    Nothing can be known about the processes of other machines and containers, unless the user declares them lost.

    Args:
        process: the text of a `ProcessId`.
        lost_hosts: machines that are gone, with all that ran there.
        seen: when it gave its last sign of life, in seconds since 1970. One of another boot that gave it after this
            machine had booted is a clone's: a machine with the name and the id of this one.
    """
    other = ProcessId.parse(process)
    if other is None:
        return False
    if other.host in lost_hosts:
        return True
    host, machine, boot, namespace = _machine()
    if (other.host, other.machine) != (host, machine):
        return False
    if other.boot != boot:
        return bool(machine) and seen < psutil.boot_time()
    return other.namespace == namespace and not _is_alive(other.pid, other.start)


def has_ended_here(process: str) -> bool:
    """Return whether a process of this boot, that could be seen from here, does not run any more.

    Unlike `is_gone` it takes no other boot for an earlier one of this machine: a clone has its name and its id.
    """
    other = ProcessId.parse(process)
    return other is not None and _is_visible(other) and not _is_alive(other.pid, other.start)


def is_running_here(process: str) -> bool:
    """Return whether a process certainly runs: it is seen from here, and not stopped."""
    other = ProcessId.parse(process)
    if other is None or not _is_visible(other) or not _is_alive(other.pid, other.start):
        return False
    try:
        return str(psutil.Process(other.pid).status()) not in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.Error:
        return False


def _is_visible(process: ProcessId) -> bool:
    return process[:4] == _machine()


def host(process: str) -> str:
    """Return the name of a process's machine."""
    return process.partition("/")[0]


def is_local(process: str) -> bool:
    """Return whether a process runs, or ran, on this machine."""
    other = ProcessId.parse(process)
    return other is not None and (other.host, other.machine) == _machine()[:2]


def parent(pid: int) -> int | None:
    """Return the number of a living process's parent, or None."""
    try:
        return int(psutil.Process(pid).ppid())
    except psutil.Error:
        return None


def _is_alive(pid: int, start: float) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE and abs(_start(pid) - start) < SAME_START
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _start(pid: int) -> float:
    """Return when a process started, by a clock that nobody sets.

    Linux counts from the boot, and psutil adds the moment of the boot, which moves with the clock of the machine.
    """
    created: float = psutil.Process(pid).create_time()
    return created - psutil.boot_time() if psutil.LINUX else created


@cache
def _own_start(pid: int) -> float:
    """Return when this process started, which is asked for with every run and every claim."""
    return _start(pid)


@cache
def _machine() -> tuple[str, str, str, str]:
    try:
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:
        namespace = ""
    return (
        socket.gethostname().replace("/", "_"),
        _read("/etc/machine-id"),
        _read("/proc/sys/kernel/random/boot_id"),
        namespace,
    )


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
