"""Run another program on this process's streams, and end in order with it."""

import subprocess
from collections.abc import Mapping, Sequence

from lrlab.runtime.signals import FORWARDED


def run(command: Sequence[str], environment: Mapping[str, str], stdout: int | None = None) -> int:
    """Run a command and return its exit code.

    What interrupts the wait ends it in order, and is raised again.

    Args:
        stdout: descriptor of a file that takes its output; None for this process's.
    """
    child = subprocess.Popen(command, env=dict(environment), stdout=stdout)
    try:
        code = child.wait()
    except BaseException:
        child.send_signal(FORWARDED)  # Ctrl-C in a terminal has reached it already: this one may come in addition
        child.wait()
        raise
    return code if code >= 0 else 128 - code
