"""Which process does something, so that what a dead one left behind can be told from what a living one does."""

import os
import socket
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self


class ProcessId(NamedTuple):
    """A process among all that ever ran.

    Attributes:
        host: the name of its machine.
        machine: the machine's own number, where it has one; another machine may have the same name.
        boot: which start of the machine it is.
        namespace: within which `pid` counts: that of a container, say.
        pid, start: the process, and when it started; a later one may have the same number.
    """

    host: str
    machine: str
    boot: str
    namespace: str
    pid: str
    start: str

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What `str` wrote, or None."""
        parts = text.split("/")
        return cls(*parts) if len(parts) == len(cls._fields) and parts[4].isdecimal() else None

    def __str__(self) -> str:
        return "/".join(self)


def this_process() -> str:
    """This process, as a text without spaces."""
    return str(ProcessId(*_place(), str(os.getpid()), _start(os.getpid())))


def is_gone(process: str, lost_hosts: Collection[str] = ()) -> bool:
    """Whether that process surely is gone.

    Nothing is known about the processes of other machines and containers: there it takes somebody's word.

    Args:
        owner: as of `this_process`.
        gone: hosts that somebody has declared to be gone, with all that ran there.
    """
    them = ProcessId.parse(process)
    if them is None:
        return False
    if them.host in lost_hosts:
        return True
    host, machine, boot, namespace = _place()
    if (them.host, them.machine) != (host, machine):
        return False
    if them.boot != boot:
        return bool(machine)
    return them.namespace == namespace and not _lives(int(them.pid), them.start)


def host(owner: str) -> str:
    """The name of an owner's machine."""
    return owner.partition("/")[0]


def _lives(pid: int, start: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _start(pid) == start


@cache
def _place() -> tuple[str, str, str, str]:
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


def _start(pid: int) -> str:
    """When a living process started, in clock ticks since the boot, where the system tells; "dead" of a zombie."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if not fields:
        return ""
    return "dead" if fields[0] == "Z" else fields[19]
