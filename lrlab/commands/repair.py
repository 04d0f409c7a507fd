"""Clean up after killed processes: trials that seem to run, runs that seem open, records pending for a server."""

import threading
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lrlab.sweep.study import study as studies
from lrlab.sweep.study.queue import Queue, claimants
from lrlab.sweep.study.storage import Storage
from lrlab.tracking.database import without_password
from lrlab.tracking.mlflow import Mlflow, connect
from lrlab.tracking.spool import Spool
from lrlab.tracking.spool_delivery import SpoolDelivery
from lrlab.tracking.tracker import Tracker


@dataclass(frozen=True)
class Repaired:
    """What was done.

    Attributes:
        trials: given back to their studies.
        runs: closed.
        delivered, waiting: how many spooled records were delivered, and how many are pending.
        trouble: why some are pending.
        elsewhere: the processes that run trials and may be alive, on machines of which nothing is known here.
    """

    trials: int
    runs: int
    delivered: int
    waiting: int
    trouble: str
    elsewhere: tuple[str, ...]


def repair(
    storage: Storage, tracker: Tracker | None, outputs: str, uri: str | None, gone: Collection[str] = ()
) -> Repaired:
    """Repair all studies of a storage, the runs of a tracker and the spools of an output directory.

    Args:
        tracker: the one that is not behind a network, if there is one.
        uri: of the tracking server, for a password that its spools do not keep.
        gone: hosts that are known to be gone, with all that ran there.
    """
    trials, elsewhere = _trials(storage, gone)
    delivered, waiting, trouble, remote = _deliver(Path(outputs) / "spool", outputs, uri, gone)
    runs = tracker.close_orphans(gone) if tracker else 0
    return Repaired(trials, runs + remote, delivered, waiting, trouble, elsewhere)


def _trials(storage: Storage, gone: Collection[str]) -> tuple[int, tuple[str, ...]]:
    names = studies.names(storage)
    if not names:
        return 0, ()
    given_back, elsewhere = 0, set[str]()
    with storage.exclusive():
        for name in names:
            queue = Queue(storage, name)
            given_back += queue.repair(gone)
            elsewhere |= {owner for trial in queue.running() for owner in claimants(trial)}
    return given_back, tuple(sorted(elsewhere))


def _deliver(folder: Path, outputs: str, uri: str | None, gone: Collection[str]) -> tuple[int, int, str, int]:
    """Return how many records were delivered, how many are pending and why, and how many runs were closed."""
    delivered, waiting, trouble, closed = 0, 0, "", 0
    stores = set()
    for spool in Spool.orphaned(folder):
        destination = spool.destination
        address = uri if uri and without_password(uri) == destination.uri else destination.uri
        stores.add((address, destination.experiment))
        before, delivery = len(spool), SpoolDelivery(partial(connect, address, outputs, destination.experiment))
        delivery.deliver(spool, threading.Event())
        delivered, waiting = delivered + before - len(spool), waiting + len(spool)
        trouble = delivery.last_error or trouble
        spool.close()
    if uri and not trouble:
        stores.add((uri, Mlflow().experiment))
    for address, experiment in () if trouble else stores:
        with Mlflow(address, experiment).open(outputs) as tracker:
            closed += tracker.close_orphans(gone)
    return delivered, waiting, trouble, closed
