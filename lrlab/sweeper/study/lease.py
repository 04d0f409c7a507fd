"""Leases: who runs a trial gives signs of life; who gives none for the time of the lease has lost the trial.

Clocks are not compared. A watcher counts the time, by a clock of its own that nobody sets, during which it looks and
sees no sign. While it cannot look, since it was stopped or the database was away, no time counts.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from lrlab.sweeper.study.trial_store import Beat

LEASE = 45.0  # seconds; with the last look it takes a minute at most until others run the trials of a dead machine
PARTS = 4  # of a lease: signs of life, and looks for those of others
FRESH = 1.0  # seconds for which an answer of the storage holds

log = logging.getLogger(__name__)


class Watch:
    """What one process has seen of the signs of life of others."""

    def __init__(self) -> None:
        self._values: dict[int, Any] = {}
        self._silent: dict[int, float] = {}  # seconds that this process has looked and seen no sign
        self._looked = awake()

    def lapsed(self, beats: Mapping[int, Beat], leases: Mapping[int, float]) -> set[int]:
        """Look at the latest signs of life; return the trials whose lease has lapsed.

        Args:
            beats: of each trial, as the storage has them.
            leases: seconds of each trial that can lapse.
        """
        last, self._looked = self._looked, awake()
        values, silent = self._values, self._silent
        self._values, self._silent = {}, {}
        for trial, lease in leases.items():
            beat = beats.get(trial, Beat(None))
            self._values[trial] = beat.value
            if trial not in values:
                self._silent[trial] = beat.age
            elif values[trial] == beat.value:  # between two looks that are far apart, others may not have had a chance
                self._silent[trial] = silent[trial] + min(self._looked - last, lease / PARTS)
            else:
                self._silent[trial] = 0.0
        return {trial for trial, seconds in self._silent.items() if seconds >= leases[trial]}


class LeaseKeeper:
    """Renews the leases of a worker's trials from a thread, and has those of others looked after.

    Args:
        lease: seconds.
        renew: renews the leases of this worker; returns the numbers of the trials that it has lost.
        look_after_others: requeues the trials of those who gave no sign of life.
    """

    def __init__(
        self, lease: float, renew: Callable[[], Collection[int]], look_after_others: Callable[[], object]
    ) -> None:
        self._interval = lease / PARTS
        self._renew, self._look_after_others = renew, look_after_others
        self._lost: set[int] = set()
        self._renewed = awake()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="leases", daemon=True)

    def __enter__(self) -> "LeaseKeeper":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=self._interval)  # it may wait for a database

    def lost(self) -> set[int]:
        """Return the numbers of the trials that others have taken over.

        The storage is asked unless the thread has just done so: this process may have been stopped.
        """
        if awake() - self._renewed > FRESH:
            self._ask()
        return self._lost

    def _keep(self) -> None:
        while not self._over.wait(self._interval):
            try:
                self._ask()
                self._look_after_others()
            except Exception as error:  # noqa: BLE001  the work goes on: whoever takes a trial over is found out later
                log.warning("the leases of this worker's trials could not be renewed: %s", error)

    def _ask(self) -> None:
        self._lost |= set(self._renew())
        self._renewed = awake()


def awake() -> float:
    """Return seconds by a clock that nobody sets, and that goes on while the process or the machine is stopped."""
    with suppress(AttributeError):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
