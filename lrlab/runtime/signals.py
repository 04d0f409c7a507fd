"""Turn Ctrl-C and SIGTERM into exceptions: at once while work is interruptible, and otherwise as soon as it is."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
FORWARDED = signal.SIGUSR1  # from a sweep to its workers; unlike Ctrl-C, it may come in addition
DEBOUNCE = 0.3  # seconds within which the same signal is no second one: `timeout` sends its own twice
GRACE_PERIOD = 8.0  # seconds for the workers


class TimeLimitError(BaseException):
    """The time of some work is over. No Exception, so that nothing takes it for a failure of the work."""


class SignalHandler:
    """Hold signals back until work is interruptible. A second signal ends the process at once.

    Attributes:
        ends_on_second: whether it does: a scheduler, which sends several of them, kills by itself what does not end.
        received: the first signal, or None.
        received_at: when it came, by the monotonic clock.
        is_overdue: whether the time of the work is over, see `until`; no outer handler hears of that.
    """

    def __init__(self, *, ends_on_second: bool = True) -> None:
        self.ends_on_second = ends_on_second
        self.received: int | None = None
        self.received_at = 0.0
        self.is_overdue = False
        self._interruptible = False

    def __call__(self, signum: int, frame: Any) -> None:
        if signum == FORWARDED:
            if self.received is None and self.is_overdue and self._interruptible:
                self._interruptible = False  # once is enough: what is being left must not be interrupted again
                self.check()
            if self.received is not None or self.is_overdue:
                return
            signum = signal.SIGTERM
        elif self.received is not None and time.monotonic() - self.received_at > DEBOUNCE:
            if not self.ends_on_second:
                return
            os._exit(128 + signum)
        self.receive(signum, time.monotonic())

    def receive(self, signum: int, at: float) -> None:
        """Keep the first signal, and raise where it may interrupt."""
        if self.received is None:
            self.received, self.received_at = signum, at
            if self._interruptible:
                self.check()

    def check(self) -> None:
        """Raise KeyboardInterrupt after SIGINT, SystemExit(128 + signal) after another, TimeLimitError when overdue."""
        if self.received == signal.SIGINT:
            raise KeyboardInterrupt
        if self.received is not None:
            raise SystemExit(128 + self.received)
        if self.is_overdue:
            raise TimeLimitError

    @contextmanager
    def until(self, deadline: float) -> Iterator[None]:
        """Interrupt the block, where it may be, when `time.time()` reaches the deadline; not outside the main thread.

        The thread that waits sends FORWARDED, which this handler must handle, since jobs may use SIGALRM themselves.
        """
        left = deadline - time.time()
        if threading.current_thread() is not threading.main_thread() or left > threading.TIMEOUT_MAX:
            yield
            return
        main = threading.get_ident()

        def end() -> None:
            self.is_overdue = True
            signal.pthread_kill(main, FORWARDED)

        timer = threading.Timer(max(0.0, left), end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Raise on a signal during the block, and on one that came before."""
        self._interruptible = True
        try:
            self.check()
            yield
        finally:
            self._interruptible = False

    @contextmanager
    def forward_until(self, forward: Callable[[], None]) -> Iterator[None]:
        """Call `forward` again and again once a signal came; raise if the block has not ended `GRACE_PERIOD` later."""
        if threading.current_thread() is not threading.main_thread():  # receives no signals
            yield
            return
        over = threading.Event()

        def watch() -> None:
            left = GRACE_PERIOD
            while not over.wait(0.1):
                if self.received is None:
                    continue
                forward()
                left -= 0.1
                if left < 0 and not over.is_set():
                    self._interruptible = True
                    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGALRM)
                    return

        before = signal.signal(signal.SIGALRM, lambda *_: self.check())
        thread = threading.Thread(target=watch, name="forward signals", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            signal.signal(signal.SIGALRM, before)


@contextmanager
def handle_signals(*, ends_on_second: bool = True) -> Iterator[SignalHandler]:
    """Handle signals during the block, then restore the previous handlers.

    Inside a block whose second signal does not end the process, that of a further block does not either.

    An outer `SignalHandler` receives the signal then, and raises if it may be interrupted: a signal that came while the
    last of the block's work was recorded is not lost.

    Other threads than the main one receive no signals: there, the handler that is yielded receives none.
    """
    outer_handler = signal.getsignal(signal.SIGTERM)
    if isinstance(outer_handler, SignalHandler):
        ends_on_second = ends_on_second and outer_handler.ends_on_second
    handler = SignalHandler(ends_on_second=ends_on_second)
    if threading.current_thread() is not threading.main_thread():
        yield handler
        return
    before = {signum: signal.signal(signum, handler) for signum in (*SIGNALS, FORWARDED)}
    try:
        yield handler
    finally:
        for signum, previous in before.items():
            signal.signal(signum, previous)
        for outer in before.values():
            if isinstance(outer, SignalHandler) and handler.received is not None:
                outer.receive(handler.received, handler.received_at)
