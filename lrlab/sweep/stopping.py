"""Ctrl-C and SIGTERM: they end a sweep at once while it trains, and never in the middle of its bookkeeping."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Holds the signals back. The second one ends the process wherever it is: somebody insists."""

    def __init__(self) -> None:
        self._asked: int | None = None
        self._open = False

    def __call__(self, signum: int, frame: Any) -> None:
        insisting = self._asked is not None
        self._asked = signum
        if self._open or insisting:
            self._raise()

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """While this lasts a signal raises; so does one that came before."""
        if self._asked is not None:
            self._raise()
        self._open = True
        try:
            yield
        finally:
            self._open = False

    def _raise(self) -> None:
        """Raise what passes every `except Exception` and runs every `finally`."""
        if self._asked == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + int(self._asked or 0))


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Handle the signals here, if this is the thread that gets them."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = [signal.signal(signum, stop) for signum in SIGNALS]
    try:
        yield stop
    finally:
        for signum, handler in zip(SIGNALS, before, strict=True):
            signal.signal(signum, handler)
