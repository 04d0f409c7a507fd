"""A store behind a network: training never waits long for it, and nothing is lost while it does not answer.

Write everything into a spool first, and deliver it in a thread. Only creating a run is waited for, since the server
chooses its id. When the time that a process may wait in all is used up, its runs get local ids, which become tags of
the runs once they are delivered.
"""

import base64
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

from lrlab.errors import InputError
from lrlab.tracking.spool import Destination, Spool, SpoolEntry
from lrlab.tracking.spool_delivery import PREFIX, RemoteStore, SpoolDelivery
from lrlab.tracking.store import RejectedError, RunSpec, RunUpdate
from lrlab.tracking.tracker import RunRecord

logger = logging.getLogger(__name__)

WAIT_BUDGET = 3.0  # seconds for which one process waits for its server in all
GRACE = 0.1  # seconds a healthy server may take to create a run
RETRY_INTERVAL = 1.0  # seconds until the next attempt


class SpoolingStore:
    """Keep what is given in a spool until the remote store has it (see `Store`).

    A thread delivers; it starts with the first call.

    Args:
        connect: reaches the remote store; raises `InputError` when that fails.
        folder: of the spools. What dead processes left there for the same destination is delivered as well.
        destination: of the entries.
        repair: the command that delivers what is left, for messages.

    Attributes:
        wait_budget: seconds for which this process may still wait for its server.
    """

    def __init__(
        self,
        connect: Callable[[], RemoteStore],
        folder: Path,
        destination: Destination,
        repair: str = "lrlab repair",
    ) -> None:
        self._folder, self._destination, self._repair = folder, destination, repair
        self._delivery = SpoolDelivery(connect)
        self.wait_budget = WAIT_BUDGET
        self._spool: Spool | None = None
        self._lock = threading.Lock()
        self._stopped, self._added, self._idle = threading.Event(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def create_run(self, run: RunSpec) -> str:
        self._start()
        local_id, answer, start = f"{PREFIX}{uuid4().hex}", Future[str](), time.monotonic()
        ask = threading.Thread(
            target=_answer, args=(answer, lambda: self._delivery.create_run(local_id, run)), daemon=True
        )
        try:
            if self.wait_budget > 0:
                ask.start()
                return answer.result(timeout=self.wait_budget + GRACE)
        except RejectedError:
            raise
        except (InputError, FutureTimeoutError):
            pass
        finally:
            self._spend(time.monotonic() - start - GRACE)
        self._add({"verb": "create", "run": local_id, **asdict(run)})
        return local_id

    def write(self, run_id: str, update: RunUpdate) -> None:
        self._add({"verb": "write", "run": run_id, **asdict(update)})

    def log_artifacts(self, run_id: str, files: Mapping[str, bytes]) -> None:
        encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
        self._add({"verb": "attach", "run": run_id, "files": encoded})

    def get_run(self, run_id: str) -> RunRecord:
        self._wait()
        return self._delivery.store().get_run(self._delivery.remote_id(run_id))

    def child_runs(self, parent: str) -> list[RunRecord]:
        self._wait()
        return self._delivery.store().child_runs(self._delivery.remote_id(parent))

    def unfinished_runs(self) -> list[tuple[str, str]]:
        self._wait()
        return self._delivery.store().unfinished_runs()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until everything has been delivered, for at most `timeout` seconds; return whether it has been."""
        self._start()
        return self._idle.wait(timeout)

    def close(self) -> None:
        """Leave to the next start what cannot be delivered within the time this process may still wait."""
        if self._stopped.is_set():
            return
        if self._thread:
            self._wait()
        waiting = len(self._spool) if self._spool else 0
        self._stopped.set()
        self._added.set()
        if self._thread:
            self._thread.join(timeout=GRACE)  # if it hangs, the end of the process ends it and unlocks the spool
        if waiting:
            logger.warning(
                "%d records wait in %s until %s takes them (%s); to deliver them: %s",
                waiting,
                self._folder,
                self._destination.uri,
                self._delivery.last_error or "it is slow",
                self._repair,
            )

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
        start = time.monotonic()
        self.wait_idle(self.wait_budget)
        self._spend(time.monotonic() - start)

    def _spend(self, seconds: float) -> None:
        self.wait_budget -= min(self.wait_budget, max(0.0, seconds))

    def _deliver(self) -> None:
        """Deliver own records, then those of dead processes; try again after a pause if some could not be."""
        while not self._stopped.is_set():
            self._added.clear()
            delivered = self._spool is None or self._delivery.deliver(self._spool, self._stopped)
            delivered &= self._delivery.deliver_orphaned(self._folder, self._destination, self._stopped)
            with self._lock:
                if delivered and (self._spool is None or self._spool.empty):
                    self._idle.set()
            if delivered:
                self._added.wait()
            else:
                self._stopped.wait(RETRY_INTERVAL)
        if self._spool is not None:
            self._spool.close()


def _answer(answer: "Future[str]", ask: Callable[[], str]) -> None:
    try:
        answer.set_result(ask())
    except BaseException as error:  # noqa: BLE001  raised where the answer is waited for
        answer.set_exception(error)
