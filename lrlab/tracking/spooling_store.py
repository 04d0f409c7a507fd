"""A store behind a network: training never waits long for it, and nothing is lost while it does not answer.

Write everything into a spool first, and deliver it in a thread, what a few seconds bring for one run together. Only
creating a run is waited for, since the server chooses its id. When the time that a process may wait for a server that
does not answer is used up, its runs get local ids, which become tags of the runs once they are delivered.
"""

import base64
import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

from lrlab.errors import InputError, RecordsLeftError
from lrlab.tracking.delivery_progress import delivery_progress, interruptible
from lrlab.tracking.spool import Destination, Spool, SpoolEntry
from lrlab.tracking.spool_delivery import PREFIX, RemoteStore, SpoolDelivery
from lrlab.tracking.store import RejectedError, RunSpec, RunUpdate
from lrlab.tracking.tracker import Histories, OpenRun, RunRecord, RunSummary

logger = logging.getLogger(__name__)

WAIT_BUDGET = 3.0  # seconds for which one process waits for a server that does not answer, in all
GRACE = 0.5  # seconds a healthy server may take to create a run
GATHER = 4.0  # seconds for which entries are gathered before they are delivered
RETRY_INTERVAL = 1.0  # seconds until the next attempt
MAX_STALL = 10.0  # seconds without progress after which a delivery is not waited for any more


class SpoolingStore:
    """Keep what is given in a spool until the remote store has it (see `Store`).

    A thread delivers; it starts with the first call.

    Args:
        connect: reaches the remote store; raises `InputError` when that fails.
        folder: of the spools. What dead processes left there for the same destination is delivered as well.
        destination: of the entries.
        repair: the command that delivers what is left, for messages.
        wait: whether `deliver` waits as long as there is progress; or for how many seconds at most, with or without.

    Attributes:
        wait_budget: seconds for which this process may still wait for a server that does not answer.
    """

    def __init__(
        self,
        connect: Callable[[], RemoteStore],
        folder: Path,
        destination: Destination,
        repair: str = "lrlab repair",
        wait: bool | float = True,
    ) -> None:
        self._folder, self._destination, self._repair, self._wait_at_end = folder, destination, repair, wait
        self._delivery = SpoolDelivery(connect)
        self.wait_budget = WAIT_BUDGET
        self._spool: Spool | None = None
        self._orphans: list[Spool] = []  # of dead processes
        self._lock = threading.Lock()
        self._stopped, self._idle = threading.Event(), threading.Event()
        self._added, self._hurry = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def create_run(self, run: RunSpec) -> str:
        self._start()
        local_id, answer, start = f"{PREFIX}{uuid4().hex}", Future[str](), time.monotonic()
        ask = threading.Thread(
            target=_answer, args=(answer, lambda: self._delivery.create_run(local_id, run)), daemon=True
        )
        asked = self.wait_budget > 0
        try:
            if asked:
                ask.start()
                run_id = answer.result(timeout=self.wait_budget + GRACE)
                self._add({"verb": "describe", "run": run_id, **asdict(run)})
                return run_id
        except RejectedError:
            raise
        except (InputError, FutureTimeoutError):
            pass
        finally:
            self._spend(time.monotonic() - start - GRACE)
        self._add({"verb": "create", "run": local_id, "asked": asked, **asdict(run)})
        return local_id

    def write(self, run_id: str, update: RunUpdate) -> None:
        now = time.time_ns() // 1_000_000
        self._add({"verb": "write", "run": run_id, **asdict(update), "time": update.time or now})

    def log_artifacts(self, run_id: str, files: Mapping[str, bytes]) -> None:
        encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
        self._add({"verb": "attach", "run": run_id, "files": encoded})

    def get_run(self, run_id: str) -> RunRecord:
        self._wait()
        return self._delivery.store().get_run(self._delivery.remote_id(run_id))

    def child_runs(self, parent: str) -> list[RunRecord]:
        self._wait()
        return self._delivery.store().child_runs(self._delivery.remote_id(parent))

    def summaries(self, parent: str) -> list[RunSummary]:
        self._wait()
        return self._delivery.store().summaries(self._delivery.remote_id(parent))

    def histories(self, run_ids: Sequence[str], metrics: Collection[str]) -> Histories:
        self._wait()
        remote = {self._delivery.remote_id(run_id): run_id for run_id in run_ids}
        found = self._delivery.store().histories(list(remote), metrics)
        return {remote[run_id]: each for run_id, each in found.items()}

    def unfinished_runs(self) -> list[OpenRun]:
        self._wait()
        return self._delivery.store().unfinished_runs()

    def wait_idle(self, timeout: float, stall: float = math.inf) -> bool:
        """Wait until everything has been delivered; return whether it has been.

        Args:
            timeout: seconds at most.
            stall: seconds without progress.
        """
        self._start()
        start = progress_at = time.monotonic()
        left = self._waiting()
        with delivery_progress(self._destination.uri, left) as update:
            self._hurry.set()
            while not self._idle.is_set():
                now = time.monotonic()
                waiting = self._waiting()
                if waiting < left:
                    progress_at = now
                left = waiting
                update(left)
                most = min(start + timeout, progress_at + stall) - now
                if most <= 0:
                    break
                self._idle.wait(min(most, 0.25))
            self._hurry.clear()
        return self._idle.is_set()

    def deliver(self) -> None:
        """Wait as long as `wait` says until everything has been delivered; Ctrl-C ends the waiting.

        Raises:
            RecordsLeftError: something is left.
        """
        if self._stopped.is_set():
            return
        limit, stall = (math.inf if self._wait_at_end else WAIT_BUDGET), MAX_STALL
        if not isinstance(self._wait_at_end, bool):
            limit, stall = float(self._wait_at_end), math.inf
        with interruptible():
            self.wait_idle(limit, stall)
        if not self._idle.is_set() and (left := self._waiting()):
            raise RecordsLeftError(self._left(left))

    def close(self) -> None:
        """Leave to the next start what cannot be delivered within the time this process may still wait."""
        if self._stopped.is_set():
            return
        if self._thread:
            self._wait()
        waiting = self._waiting()
        self._stopped.set()
        self._added.set()
        self._hurry.set()
        if self._thread:
            self._thread.join(timeout=GRACE)  # if it hangs, the end of the process ends it and unlocks the spool
        if waiting:
            logger.debug("%s", self._left(waiting))  # `deliver` says it where nobody comes after

    def _left(self, waiting: int) -> str:
        why = self._delivery.last_error or "it is slow"
        return (
            f"{waiting} records wait in {self._folder} until {self._destination.uri} takes them ({why}); "
            f"to deliver them: {self._repair}"
        )

    def _waiting(self) -> int:
        """Return how many records wait."""
        return sum(map(len, self._spools()))

    def _spools(self) -> list[Spool]:
        """Return this process's spool, if it has one, and those that it took over."""
        return [*([] if self._spool is None else [self._spool]), *self._orphans]

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._deliver, name="tracking", daemon=True)
                self._thread.start()

    def _add(self, entry: SpoolEntry) -> None:
        self._start()
        with self._lock:
            self._idle.clear()
            if self._spool is None:
                self._spool = Spool.create(self._folder, self._destination)
            self._spool.add(entry)
        self._added.set()

    def _wait(self) -> None:
        """Wait for the delivery, but not for a server that does not answer."""
        left, start = self._waiting(), time.monotonic()
        self.wait_idle(math.inf, self.wait_budget)
        if left and self._waiting() == left:
            self._spend(time.monotonic() - start)

    def _spend(self, seconds: float) -> None:
        self.wait_budget -= min(self.wait_budget, max(0.0, seconds))

    def _deliver(self) -> None:
        """Deliver own records, then those of dead processes; try again after a pause if some could not be."""
        while not self._stopped.is_set():
            self._added.clear()
            self._adopt()
            delivered = all([self._delivery.deliver(spool, self._stopped) for spool in self._spools()])
            self._orphans = [spool for spool in self._orphans if not _closed_if_empty(spool)]
            with self._lock:
                if delivered and not self._orphans and (self._spool is None or self._spool.empty):
                    self._idle.set()
            if delivered:
                self._added.wait()
                self._hurry.wait(GATHER)
            else:
                self._stopped.wait(RETRY_INTERVAL)
        for spool in self._spools():
            spool.close()

    def _adopt(self) -> None:
        """Take over what dead processes left for this destination."""
        for spool in Spool.orphaned(self._folder):
            if spool.destination == self._destination and not spool.empty:
                self._orphans.append(spool)
            elif not _closed_if_empty(spool):
                spool.close()


def _closed_if_empty(spool: Spool) -> bool:
    if spool.empty:
        spool.close()
    return spool.empty


def _answer(answer: "Future[str]", ask: Callable[[], str]) -> None:
    try:
        answer.set_result(ask())
    except BaseException as error:  # noqa: BLE001  raised where the answer is waited for
        answer.set_exception(error)
