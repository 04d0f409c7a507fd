"""Wait for the workers of a sweep, each by itself: one that was lost is launched again, and the others go on."""

import logging
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hydra.errors import CompactHydraException

from lrlab.errors import InputError, TrialsFailedError
from lrlab.runtime.signals import SignalHandler
from lrlab.sweeper.launching.jobs import POLL_INTERVAL, Jobs
from lrlab.sweeper.study.queue import Queue

STEP = 0.1  # seconds after which a signal is noticed

log = logging.getLogger(__name__)


class WorkersLostError(TrialsFailedError, CompactHydraException):
    """The workers of a sweep ended before its trials did, in a form that Hydra prints as its one line."""

    @classmethod
    def of(cls, queue: Queue, relaunches: int, reason: str) -> "WorkersLostError":
        """Return what to say of a study whose trials are left.

        Args:
            relaunches: how often a worker was launched again.
            reason: why the last one ended.
        """
        counts = queue.counts()
        return cls(
            f"{counts.total - counts.done} of {counts.total} trials are missing: workers ended before they did, and "
            f"launching each again {relaunches} times (hydra.sweeper.relaunches) got no trial done; the last: {reason}"
        )


@dataclass
class Supervisor:
    """The launched workers of one sweep.

    Attributes:
        jobs: of the system that runs them.
        queue: the trials.
        relaunches: how often a worker is launched again after one that ended too early, while no trial is done.
    """

    jobs: Jobs
    queue: Queue
    relaunches: int
    _in_vain: Counter[int] = field(default_factory=Counter)
    _done_at_launch: dict[int, int] = field(default_factory=dict)

    def run(self, workers: int, signals: SignalHandler) -> list[tuple[int, Any]]:
        """Run workers until all have ended; return what their trials return to Hydra.

        Raises:
            InputError: they could not be launched.
            WorkersLostError: trials are left, and no worker may be launched again.
            KeyboardInterrupt, SystemExit: a signal came; the jobs are cancelled.
        """
        results: list[tuple[int, Any]] = []
        running, lost, gives_up = set(range(workers)), "", False
        try:
            self._submit(*running)
            while running:
                self._wait(signals)
                for number, report in self.jobs.ended().items():
                    results += report.results
                    running.discard(number)
                    if not report.failure:
                        continue
                    lost = report.failure
                    self.queue.repair()
                    waiting = self.queue.counts().waiting
                    if not waiting:
                        log.warning("%s", lost)
                    elif away := self._launch_again(number, lost, signals):
                        lost, gives_up = away, True
                        log.warning("%s; given up", lost)
                    else:
                        running.add(number)
                counts = self.queue.counts()
                if running and not counts.waiting and not counts.running:
                    self.jobs.withdraw()
            if gives_up and self.queue.counts().waiting:
                raise WorkersLostError.of(self.queue, self.relaunches, lost)
        except BaseException:
            with suppress(Exception):  # the first error is the one to raise
                self.jobs.cancel()  # a job that its system starts again by itself, too
            raise
        return results

    def _wait(self, signals: SignalHandler) -> None:
        end = time.monotonic() + POLL_INTERVAL
        while time.monotonic() < end:
            signals.check()
            time.sleep(STEP)

    def _submit(self, *numbers: int) -> None:
        self._done_at_launch |= dict.fromkeys(numbers, self._progress())
        self.jobs.submit(numbers)

    def _launch_again(self, number: int, lost: str, signals: SignalHandler) -> str:
        """Launch a worker again if it may be; return "", or why it was not. A system that is away is asked again."""
        reason = lost
        while self._may_launch_again(number):
            try:
                self._submit(number)
            except InputError as error:
                reason = str(error)
                log.warning("%s", reason)
                self._wait(signals)
            else:
                log.warning("%s; launched again", lost)
                return ""
        return reason

    def _may_launch_again(self, number: int) -> bool:
        """Return whether a worker that ended too early may be launched again, and count how often it was in vain."""
        self._in_vain[number] = 0 if self._progress() > self._done_at_launch[number] else self._in_vain[number] + 1
        return self._in_vain[number] <= self.relaunches

    def _progress(self) -> int:
        """Return what grows when a launch was not in vain.

        That a trial is found to be deadly is progress only where others are done: else no trial is to blame, but what
        all workers have in common, such as too little memory.
        """
        return self.queue.progress() if self.queue.counts().done else 0
