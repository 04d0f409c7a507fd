"""Deliver the entries of a spool to the store they are for. Delivering one twice changes nothing.

What waits for one run goes to the store together, and several runs at once, each over a connection of its own.
"""

import base64
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from lrlab.errors import InputError
from lrlab.tracking.spool import Spool, SpoolEntry, Waiting
from lrlab.tracking.store import MetricPoint, RejectedError, RunSpec, RunUpdate, Store
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import DatasetInfo, UnreachableError

PREFIX = "spooled-"
CONNECTIONS = 4  # that one process uses at once

Group = list[Waiting]  # what waits for one run, in order


class NotCreatedError(UnreachableError):
    """Another process has yet to deliver what creates a run."""


class RemoteStore(Store, Protocol):
    """A store that gives its runs their ids, and so must find by a tag those that had another id before."""

    def new_run(self, run: RunSpec) -> str:
        """Create a run with its tags alone, in one request; `describe` adds the rest."""

    def describe(self, run_id: str, run: RunSpec, update: RunUpdate) -> None:
        """Give a new run its params and its data set, and with them an update."""

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
        self._creating: dict[str, threading.Lock] = {}  # of each run that is not known yet

    def store(self) -> RemoteStore:
        """Return the store.

        Raises:
            InputError: it cannot be reached.
        """
        with self._lock:
            self._store = self._store or self._connect()
            return self._store

    def create_run(self, local_id: str, run: RunSpec, *, doubtful: bool = False) -> str:
        """Create a run with its tags, unless this process has; return its id.

        Args:
            doubtful: whether an earlier attempt that seemed to fail may have succeeded.
        """
        with self._lock:
            creating = self._creating.setdefault(local_id, threading.Lock())
        with creating:  # an attempt may be under way
            if local_id not in self._ids:
                found = self._find(local_id) if doubtful else None
                self._ids[local_id] = found or self._new_run(local_id, run)
        with self._lock:
            self._creating.pop(local_id, None)
        return self._ids[local_id]

    def remote_id(self, run_id: str) -> str:
        """Return the id that the store gave a run.

        Raises:
            NotCreatedError: it has not been delivered yet.
            RejectedError: the store refused to create it.
        """
        if not run_id.startswith(PREFIX) or run_id in self._ids:
            return self._ids.get(run_id, run_id)
        if run_id in self._refused:
            raise RejectedError(f"run {run_id} was refused")
        found = self._find(run_id)
        if found is None:
            raise NotCreatedError(f"run {run_id} has not been delivered yet")
        self._ids[run_id] = found
        return found

    def deliver(self, spool: Spool, stopped: threading.Event) -> bool:
        """Deliver what waits in a spool, of each run oldest first; return False if some of it could not be."""
        while not stopped.is_set() and (waiting := spool.waiting()):
            errors = list[InputError]()
            for groups in _generations(waiting):
                errors += self._deliver_groups(spool, groups, stopped)
                if not all(isinstance(error, NotCreatedError) for error in errors):
                    break
            if errors:
                self.last_error = str(errors[0])
                return False
        self.last_error = ""
        return True

    def _deliver_groups(self, spool: Spool, groups: Sequence[Group], stopped: threading.Event) -> list[InputError]:
        """Deliver groups that do not depend on each other; return why some of them could not be."""
        left, errors = iter(groups), list[InputError]()
        lock = threading.Lock()

        def work() -> None:
            while not stopped.is_set():
                with lock:
                    group = next(left, None)
                if group is None:
                    return
                try:
                    self._deliver_group(spool, group)
                except NotCreatedError as error:
                    errors.append(error)
                except InputError as error:  # of the server: what else there is fares no better
                    errors.append(error)
                    return

        threads = [threading.Thread(target=work, daemon=True) for _ in range(min(CONNECTIONS, len(groups)) - 1)]
        for thread in threads:
            thread.start()
        work()
        for thread in threads:
            thread.join()
        return errors

    def _deliver_group(self, spool: Spool, group: Group) -> None:
        try:
            self._deliver_entries([each.entry for each in group], doubtful=group[0].doubtful)
        except RejectedError:
            for each in group:  # some of it: which?
                self._deliver_or_set_aside(spool, each)
        spool.remove(group)

    def _deliver_or_set_aside(self, spool: Spool, waiting: Waiting) -> None:
        entry = waiting.entry
        try:
            self._deliver_entries([entry], doubtful=True)
        except RejectedError as error:
            if entry["verb"] == "create":
                self._refused.add(entry["run"])
            spool.dead_letter(entry, str(error))

    def _deliver_entries(self, entries: Sequence[SpoolEntry], *, doubtful: bool) -> None:
        """Deliver entries of one run: in all a request to create it, one for what is in it, and one to end it."""
        local_id, run_id = entries[0]["run"], ""
        described: RunSpec | None = None
        update, files = RunUpdate(), dict[str, bytes]()
        for entry in entries:
            if entry["verb"] == "create":
                described = _spec(entry)
                run_id = self.create_run(local_id, described, doubtful=doubtful or entry.get("asked", True))
            elif entry["verb"] == "describe":
                described = _spec(entry)
            elif entry["verb"] == "attach":
                files |= {name: base64.b64decode(content) for name, content in entry["files"].items()}
            else:
                update = _merged(update, _update(entry))
        run_id = run_id or self.remote_id(local_id)
        if files:  # before the run ends
            self.store().log_artifacts(run_id, files)
        if described:
            self.store().describe(run_id, described, update)
        elif update != RunUpdate():
            self.store().write(run_id, update)

    def _new_run(self, local_id: str, run: RunSpec) -> str:
        tags = {**run.tags, Tag.SPOOLED_AS: local_id}
        if Tag.PARENT in tags:
            tags[Tag.PARENT] = self.remote_id(tags[Tag.PARENT])
        return self.store().new_run(replace(run, tags=tags))

    def _find(self, local_id: str) -> str | None:
        self.store().delete_empty_duplicates(Tag.SPOOLED_AS, local_id)
        return self.store().find_run(Tag.SPOOLED_AS, local_id)


def _generations(waiting: Sequence[Waiting]) -> Iterator[list[Group]]:
    """Yield what waits for each run, those before whose runs others need as parents."""
    groups: dict[str, Group] = {}
    for each in waiting:
        groups.setdefault(each.entry["run"], []).append(each)
    while groups:
        ready = {run: group for run, group in groups.items() if _parent(group) not in groups} or groups
        yield list(ready.values())
        groups = {run: group for run, group in groups.items() if run not in ready}


def _parent(group: Group) -> str | None:
    """Return the parent with which a run is to be created, if it is."""
    return next((each.entry["tags"].get(Tag.PARENT) for each in group if each.entry["verb"] == "create"), None)


def _spec(entry: Mapping[str, Any]) -> RunSpec:
    dataset = DatasetInfo(**entry["dataset"]) if entry["dataset"] else None
    return RunSpec(entry["time"], entry["params"], entry["tags"], dataset)


def _update(entry: Mapping[str, Any]) -> RunUpdate:
    points = [MetricPoint(*point) for point in entry["points"]]
    return RunUpdate(points, entry["tags"] or {}, entry["status"], entry.get("params", {}), entry.get("time"))


def _merged(first: RunUpdate, then: RunUpdate) -> RunUpdate:
    """Return one update that does what two do, one after the other."""
    return RunUpdate(
        [*first.points, *then.points],
        {**first.tags, **then.tags},
        then.status or first.status,
        {**then.params, **first.params},
        then.time if then.status else first.time,
    )
