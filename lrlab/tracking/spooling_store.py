"""A store behind a network: training never waits long for it, and nothing is lost while it does not answer.

Every write goes into a spool first and is delivered by a thread. Creating a run is the one thing to wait for, since
the server chooses its id. When the patience of a process is at its end, its runs get an id of our own, which is
a tag of the run once it is delivered.
"""

import base64
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from pathlib import Path
from typing import Any
from uuid import uuid4

from lrlab.errors import InputError
from lrlab.tracking.spool import Destination, Spool
from lrlab.tracking.spool_delivery import PREFIX, RemoteStore, SpoolDelivery, creation
from lrlab.tracking.store import MetricPoint, RejectedError, RunSpec
from lrlab.tracking.tracker import RunRecord, TerminalStatus

WAIT_BUDGET = 3.0  # seconds for which one process waits for its server in all
GRACE = 0.1  # seconds a healthy server may take to create a run
RETRY_INTERVAL = 1.0  # seconds until the next attempt


class SpoolingStore:
    """A `Store` that keeps what it is given in a spool until the remote store has it.

    Args:
        connect: reaches the remote store; raises `InputError` when that fails.
        folder: of the spools. What dead processes left there for the same destination is delivered as well.
        destination: of the records.
    """

    def __init__(self, connect: Callable[[], RemoteStore], folder: Path, destination: Destination) -> None:
        self._folder, self._destination = folder, destination
        self._courier = SpoolDelivery(connect)
        self._patience = WAIT_BUDGET
        self._spool: Spool | None = None
        self._lock = threading.Lock()
        self._stopped, self._news, self._idle = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._deliver, name="tracking", daemon=True)
        self._thread.start()

    def create_run(self, run: RunSpec) -> str:
        ours, asked, start = f"{PREFIX}{uuid4().hex}", Future[str](), time.monotonic()
        ask = threading.Thread(target=_answer, args=(asked, lambda: self._courier.create_run(ours, run)), daemon=True)
        try:
            if self._patience > 0:
                ask.start()
                return asked.result(timeout=self._patience + GRACE)
        except RejectedError:
            raise
        except (InputError, Late):
            pass
        finally:
            self._spend(time.monotonic() - start - GRACE)
        self._add(creation(ours, run))
        return ours

    def write(
        self,
        run_id: str,
        *,
        points: Sequence[MetricPoint] = (),
        tags: Mapping[str, str] | None = None,
        status: TerminalStatus | None = None,
    ) -> None:
        self._add({"verb": "write", "run": run_id, "points": points, "tags": tags, "status": status})

    def log_artifacts(self, run_id: str, files: Mapping[str, bytes]) -> None:
        encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
        self._add({"verb": "attach", "run": run_id, "files": encoded})

    def get_run(self, run_id: str) -> RunRecord:
        self._wait()
        return self._courier.store().get_run(self._courier.remote_id(run_id))

    def child_runs(self, parent: str) -> list[RunRecord]:
        self._wait()
        return self._courier.store().child_runs(self._courier.remote_id(parent))

    def unfinished_runs(self) -> list[tuple[str, str]]:
        self._wait()
        return self._courier.store().unfinished_runs()

    def close(self) -> None:
        """Leave to the next start what cannot be delivered within the patience that is left."""
        if self._stopped.is_set():
            return
        self._wait()
        waiting = len(self._spool) if self._spool else 0
        self._stopped.set()
        self._news.set()
        self._thread.join(timeout=GRACE)  # if it hangs, the end of the process ends it and unlocks the spool
        if waiting:
            print(
                f"lrlab: {waiting} records wait in {self._folder} until {self._destination.uri} takes them "
                f"({self._courier.last_error or 'it is slow'}): `lrlab repair` delivers them",
                file=sys.stderr,
            )

    def _add(self, record: Mapping[str, Any]) -> None:
        with self._lock:
            self._idle.clear()
            if self._spool is None:
                self._spool = Spool.create(self._folder, self._destination)
            self._spool.add(record)
        self._news.set()

    def _wait(self) -> None:
        start = time.monotonic()
        self._idle.wait(timeout=self._patience)
        self._spend(time.monotonic() - start)

    def _spend(self, seconds: float) -> None:
        self._patience -= min(self._patience, max(0.0, seconds))

    def _deliver(self) -> None:
        """The thread's work: own records, then those of the dead; again after a pause if some could not be."""
        while not self._stopped.is_set():
            self._news.clear()
            own = self._spool is None or self._courier.deliver(self._spool, self._stopped)
            left = self._courier.deliver_orphaned(self._folder, self._destination, self._stopped)
            with self._lock:
                if own and left and (self._spool is None or self._spool.empty):
                    self._idle.set()
            if own and left:
                self._news.wait()
            else:
                self._stopped.wait(RETRY_INTERVAL)
        if self._spool is not None:
            self._spool.close()


def _answer(asked: "Future[str]", question: Callable[[], str]) -> None:
    try:
        asked.set_result(question())
    except BaseException as error:
        asked.set_exception(error)
