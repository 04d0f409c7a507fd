"""Run a command: what it writes is for its user alone, and signals end it in order."""

import atexit
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from lrlab.runtime.signals import SIGNALS, handle_signals

logger = logging.getLogger(__name__)

PRIVATE = 0o077  # permissions that group and others do not get


def run_command(command: Callable[[], int]) -> int:
    """Run a command and return its exit code, 130 if Ctrl-C stopped it. SIGTERM raises SystemExit(143).

    Any thread may call it, inside a running event loop too; signals reach the main thread only.
    """
    mask = os.umask(PRIVATE)
    os.umask(mask | PRIVATE)
    try:
        with handle_signals() as signals:
            try:
                with signals.interruptible():
                    return command()
            except KeyboardInterrupt:
                logger.info("interrupted")
                return 128 + signal.SIGINT
    finally:
        os.umask(mask)


def run_program(command: Callable[[], int]) -> NoReturn:
    """Run a command as all that this process does, and end the process with its exit code.

    A signal that comes after the command ends the process at once, with the same code. Where the reader of the output
    has left, as `head` does, the code is 1, and what is left to say is dropped.
    """
    gc.set_threshold(100_000)  # what is imported stays: looking for garbage in it takes a tenth of the start
    logging.raiseExceptions = False  # a traceback for every message that a reader who left cannot be told
    atexit.register(_ignore_signals)  # the first to be registered is the last to be called
    code = 1
    try:
        code = run_command(command)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what Python flushes at its end
        code = 1
    except SystemExit as exiting:
        code = exiting.code if isinstance(exiting.code, int) else code
        raise
    finally:
        for signum in SIGNALS:
            signal.signal(signum, lambda *_: os._exit(code))
    sys.exit(code)


def _ignore_signals() -> None:
    """Ignore signals during interpreter shutdown: one would change the exit code."""
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)
