"""How a command runs: what it writes is for its user alone, and it can be stopped."""

import atexit
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from lrlab.runtime.signals import SIGNALS, handle_signals

PRIVATE = 0o077  # permissions nobody else gets


def run_command(command: Callable[[], int]) -> int:
    """Run a command; returns its exit code, 130 if Ctrl-C stopped it. SIGTERM raises SystemExit(143)."""
    mask = os.umask(PRIVATE)
    os.umask(mask | PRIVATE)
    try:
        with handle_signals() as stop:
            try:
                with stop.interruptible():
                    return command()
            except KeyboardInterrupt:
                print("lrlab: interrupted", file=sys.stderr)
                return 128 + signal.SIGINT
    finally:
        os.umask(mask)


def run_program(command: Callable[[], int]) -> NoReturn:
    """Run a command as all that this process does.

    Nothing is left to do after it but to clean up: a signal that comes then ends the process, with the code it has.
    """
    atexit.register(_ignore_signals)  # the first to be registered is the last to be called
    code = 1
    try:
        code = run_command(command)
    except SystemExit as exiting:
        code = exiting.code if isinstance(exiting.code, int) else code
        raise
    finally:
        for signum in SIGNALS:
            signal.signal(signum, lambda *_: os._exit(code))
    sys.exit(code)


def _ignore_signals() -> None:
    """While the interpreter is taken apart, a signal would kill it, whatever its exit code was to be."""
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)
