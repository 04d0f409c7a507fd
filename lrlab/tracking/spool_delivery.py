"""Deliver the entries of a spool to the store they are for. Delivering one twice changes nothing."""

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from lrlab.errors import InputError
from lrlab.tracking.spool import Destination, Spool
from lrlab.tracking.store import MetricPoint, RejectedError, RunSpec, RunUpdate, Store
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import DatasetInfo, UnreachableError

PREFIX = "spooled-"


class RemoteStore(Store, Protocol):
    """A store that gives its runs their ids, and so must find by a tag those that had another id before."""

    def find_run(self, tag: str, value: str) -> str | None:
        """Return the id of the run with this tag; of several, the one with most in it."""

    def delete_empty_duplicates(self, tag: str, value: str) -> None:
        """Delete the runs with this tag that `find_run` does not return and that are still empty.

        A server that creates a run but whose answer is lost is asked a second time.
        """


class SpoolDelivery:
    """Deliver to one store, which is reached when it is needed. Several threads may use it.

    Args:
        connect: reaches the store; raises `InputError` when that fails.

    Attributes:
        last_error: why the last delivery failed, or "".
    """

    def __init__(self, connect: Callable[[], RemoteStore]) -> None:
        self.last_error = ""
        self._connect = connect
        self._store: RemoteStore | None = None
        self._ids: dict[str, str] = {}
        self._refused: set[str] = set()  # runs that the store will not create
        self._lock = threading.RLock()

    def store(self) -> RemoteStore:
        """Return the store.

        Raises:
            InputError: it cannot be reached.
        """
        with self._lock:
            self._store = self._store or self._connect()
            return self._store

    def create_run(self, local_id: str, run: RunSpec) -> str:
        """Create a run for the first time; return its id."""
        with self._lock:
            tags = {**run.tags, Tag.SPOOLED_AS: local_id}
            if Tag.PARENT in tags:
                tags[Tag.PARENT] = self.remote_id(tags[Tag.PARENT])
            run_id = self.store().create_run(replace(run, tags=tags))
            self._ids[local_id] = run_id
        return run_id

    def remote_id(self, run_id: str) -> str:
        """Return the id that the store gave a run.

        Raises:
            UnreachableError: it has not been delivered yet.
            RejectedError: the store refused to create it.
        """
        if not run_id.startswith(PREFIX):
            return run_id
        found = self._found(run_id)
        if found is None and run_id in self._refused:
            raise RejectedError(f"run {run_id} was refused")
        if found is None:
            raise UnreachableError(f"run {run_id} has not been delivered yet")
        return found

    def deliver(self, spool: Spool, stopped: threading.Event) -> bool:
        """Deliver what waits in a spool, oldest first; return False if it stopped at something that could not be."""
        while (waiting := spool.peek()) and not stopped.is_set():
            record, length = waiting
            try:
                self._deliver_entry(record)
            except RejectedError as error:
                if record["verb"] == "create":
                    self._refused.add(record["run"])
                spool.dead_letter(record, str(error))
            except InputError as error:
                self.last_error = str(error)
                return False
            spool.pop(length)
        self.last_error = ""
        return True

    def deliver_orphaned(self, folder: Path, destination: Destination, stopped: threading.Event) -> bool:
        """Deliver what dead processes left for this destination; return False if some of it could not be."""
        delivered = True
        for spool in Spool.orphaned(folder):
            if spool.destination == destination:
                delivered &= self.deliver(spool, stopped)
            spool.close()
        return delivered

    def _found(self, local_id: str) -> str | None:
        with self._lock:
            if local_id not in self._ids:
                run_id = self.store().find_run(Tag.SPOOLED_AS, local_id)
                if run_id is not None:
                    self._ids[local_id] = run_id
            return self._ids.get(local_id)

    def _deliver_entry(self, record: Mapping[str, Any]) -> None:
        if record["run"].startswith(PREFIX) and record["run"] not in self._ids:
            self.store().delete_empty_duplicates(Tag.SPOOLED_AS, record["run"])
        if record["verb"] == "create":
            with self._lock:  # an attempt that seemed to fail may be under way, or may have succeeded
                if self._found(record["run"]) is None:
                    dataset = DatasetInfo(**record["dataset"]) if record["dataset"] else None
                    run = RunSpec(record["time"], record["params"], record["tags"], dataset)
                    self.create_run(record["run"], run)
            return
        run_id = self.remote_id(record["run"])
        if record["verb"] == "attach":
            files = {name: base64.b64decode(content) for name, content in record["files"].items()}
            self.store().log_artifacts(run_id, files)
        else:
            points = [MetricPoint(*point) for point in record["points"]]
            self.store().write(
                run_id, RunUpdate(points, record["tags"] or {}, record["status"], record.get("params", {}))
            )
