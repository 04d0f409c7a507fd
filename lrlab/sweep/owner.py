"""Which process runs a trial, so that the trials of a dead one can be told from the others."""

import os
import socket
from pathlib import Path


def this_process() -> str:
    """`host/pid/start`; the start tells a process from a later one with the same number."""
    return f"{socket.gethostname()}/{os.getpid()}/{_start(os.getpid())}"


def is_dead(owner: str) -> bool:
    """Whether that process surely is gone: nothing is known about those of other machines."""
    host, _, process = owner.partition("/")
    pid, _, start = process.partition("/")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _start(int(pid)) != start


def _start(pid: int) -> str:
    """When a living process started, in clock ticks since a named boot, where the system tells."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
    state, start = status[0], status[19]
    return "dead" if state == "Z" else f"{start}@{boot}"
