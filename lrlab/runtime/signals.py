"""Ctrl-C and SIGTERM: they end the work at once while it trains, and never in the middle of its bookkeeping."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
FORWARDED = signal.SIGUSR1  # from a sweep to its workers; unlike Ctrl-C, it may come in addition
DEBOUNCE = 0.3  # seconds within which the same signal is no second one: `timeout` sends its own twice
GRACE_PERIOD = 8.0  # seconds for the workers


class SignalHandler:
    """Holds the signals back. The second one ends the process wherever it is: somebody insists.

    Attributes:
        asked: the signal that came, or None.
        when: it came, by the monotonic clock.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.received_at = 0.0
        self._open = False

    def __call__(self, signum: int, frame: Any) -> None:
        if signum == FORWARDED:
            if self.received is not None:
                return
            signum = signal.SIGTERM
        elif self.received is not None and time.monotonic() - self.received_at > DEBOUNCE:
            os._exit(128 + signum)
        if self.received is None:
            self.received, self.received_at = signum, time.monotonic()
            if self._open:
                self.check()

    def check(self) -> None:
        """Raise, if a signal came, what passes every `except Exception` and runs every `finally`."""
        if self.received == signal.SIGINT:
            raise KeyboardInterrupt
        if self.received is not None:
            raise SystemExit(128 + self.received)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """While this lasts a signal raises; so does one that came before."""
        self._open = True
        try:
            self.check()
            yield
        finally:
            self._open = False

    def interruptible_iter(self, work: Iterator[T]) -> Iterator[T]:
        """What the work comes to, item by item; a signal raises in the work, not in what is done with an item."""
        while True:
            with self.interruptible():
                try:
                    item = next(work)
                except StopIteration:
                    return
            yield item

    @contextmanager
    def forward_until(self, pass_on: Callable[[], None]) -> Iterator[None]:
        """While this lasts a signal is passed on, again and again; if that has not helped in time, it raises."""
        over = threading.Event()

        def watch() -> None:
            left = GRACE_PERIOD
            while not over.wait(0.1):
                if self.received is None:
                    continue
                pass_on()
                left -= 0.1
                if left < 0 and not over.is_set():
                    self._open = True
                    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
                    return

        before = signal.signal(signal.SIGALRM, lambda *_: self.check())
        thread = threading.Thread(target=watch, name="pass signals on", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            signal.signal(signal.SIGALRM, before)


@contextmanager
def handle_signals() -> Iterator[SignalHandler]:
    """Handle the signals here, if this is the thread that gets them; who handled them before hears of it at the end."""
    stop = SignalHandler()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {signum: signal.signal(signum, stop) for signum in (*SIGNALS, FORWARDED)}
    try:
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
        for outer in before.values():
            if isinstance(outer, SignalHandler) and outer.received is None:
                outer.received, outer.received_at = stop.received, stop.received_at
