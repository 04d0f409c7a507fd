"""Commands that are measured from outside: seconds on the clock, seconds of processor time."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench import ROOT

# Libraries that would talk to the network or share a core between threads of one process.
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_DISABLE_AUTO_LOGGING": "true", "GIT_PYTHON_REFRESH": "quiet"}


class CommandFailed(RuntimeError):
    """A measured command ended with another code than 0; the message has its last lines."""


@dataclass(frozen=True)
class Finished:
    """A command that has run: when it began (since 1970), and the seconds it took.

    `cpu` counts the processor time of the command and of all its children that it waited for.
    """

    began: float
    seconds: float
    cpu: float


def run(
    command: Sequence[str | Path],
    log: Path,
    environment: Mapping[str, str] | None = None,
    look: Callable[[int], None] | None = None,
    every: float = 0.2,
) -> Finished:
    """Run a command from start to end in the checkout.

    Args:
        log: file for what it prints.
        environment: variables it has besides ours.
        look: called with the process id every so many seconds while it runs.

    Raises:
        CommandFailed: its code was not 0.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    variables = {**os.environ, **QUIET, "PYTHONPATH": str(ROOT), **(environment or {})}
    with log.open("wb") as output:
        began, start = time.time(), time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=ROOT,
            env=variables,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            usage = _wait(process, look, every)
            seconds = time.perf_counter() - start
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise CommandFailed(f"{' '.join(map(str, command))}\nended with {process.returncode}:\n{tail}")
    return Finished(began, seconds, usage)


def _wait(process: "subprocess.Popen[bytes]", look: Callable[[int], None] | None, every: float) -> float:
    """Wait for the end; returns the processor time."""
    options = os.WNOHANG if look else 0
    while True:
        pid, status, usage = os.wait4(process.pid, options)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime
        if look:
            look(process.pid)
        time.sleep(every)
