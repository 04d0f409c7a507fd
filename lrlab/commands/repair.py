"""Clean up after killed processes, servers that were away, and moves.

Trials that seem to run, runs that seem open, records that are pending, artifacts that MLflow would look for elsewhere.
"""

import threading
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lrlab.errors import InputError
from lrlab.sweeper.study import study as studies
from lrlab.sweeper.study.open_runs import trials_of
from lrlab.sweeper.study.queue import Queue, claimants
from lrlab.sweeper.study.state import read_state
from lrlab.sweeper.study.storage import Storage
from lrlab.tracking import database
from lrlab.tracking.database import without_password
from lrlab.tracking.delivery_progress import delivery_progress
from lrlab.tracking.mlflow import Mlflow, connect
from lrlab.tracking.spool import Spool
from lrlab.tracking.spool_delivery import SpoolDelivery
from lrlab.tracking.tracker import SweepTrials


@dataclass(frozen=True)
class Repaired:
    """What was done.

    Attributes:
        trials: given back to their studies.
        runs: closed.
        delivered, waiting: how many spooled records were delivered, and how many are pending.
        trouble: why some are pending, or why the runs of a study could not be looked at.
        elsewhere: the processes that run trials and may be alive, on machines of which nothing is known here.
        relocated: runs whose artifacts the store in the output directory recorded elsewhere, before that was moved.
    """

    trials: int
    runs: int
    delivered: int
    waiting: int
    trouble: str
    elsewhere: tuple[str, ...]
    relocated: int = 0


def repair(storage: Storage, tracking: Mlflow, outputs: str, gone: Collection[str] = ()) -> Repaired:
    """Repair all studies of a storage, their runs, those in an output directory, and its spools.

    Args:
        tracking: where further runs are; its address may hold a password that spools and studies do not keep.
        gone: hosts that are known to be gone, with all that ran there.
    """
    trials, elsewhere = _trials(storage, gone)
    relocated = database.relocate_artifacts(outputs)
    delivered, waiting, trouble, spooled = _deliver(Path(outputs) / "spool", outputs, tracking.place.uri)
    runs = 0
    if not trouble:
        try:
            sweeps = list(_sweeps(storage))
            for uri in {*spooled, *_stores(storage, tracking, outputs)}:
                with Mlflow(uri).open_all(outputs) as tracker:
                    runs += tracker.close_orphans(gone, sweeps)
        except InputError as error:
            trouble = str(error)
    return Repaired(trials, runs, delivered, waiting, trouble, elsewhere, relocated)


def _stores(storage: Storage, tracking: Mlflow, outputs: str) -> Iterator[str]:
    """Yield the tracking URIs at which there may be runs, in any experiment.

    Raises:
        InputError: a study names a place that cannot be found from that.
    """
    if (Path(outputs) / "mlflow.db").is_file():
        yield database.OWN
    if tracking.place.uri != database.OWN:
        yield tracking.place.uri
    for name in studies.names(storage):
        state = read_state(studies.load(storage, name))
        if state and state.runs and state.runs.uri != database.OWN:
            yield tracking.following(state.runs, outputs).place.uri


def _sweeps(storage: Storage) -> Iterator[SweepTrials]:
    """Yield what each study knows of its trials."""
    for name in studies.names(storage):
        study = studies.load(storage, name)
        if (state := read_state(study)) and state.run_id:
            yield trials_of(study, state.run_id)


def _trials(storage: Storage, gone: Collection[str]) -> tuple[int, tuple[str, ...]]:
    names = studies.names(storage)
    if not names:
        return 0, ()
    given_back, elsewhere = 0, set[str]()
    for name in names:
        queue = Queue(storage, name)
        given_back += queue.repair(gone)
        elsewhere |= {owner for trial in queue.running() for owner in claimants(trial)}
    return given_back, tuple(sorted(elsewhere))


def _deliver(folder: Path, outputs: str, uri: str) -> tuple[int, int, str, set[str]]:
    """Return how many records were delivered, how many are pending and why, and where they were to go."""
    delivered, waiting, trouble = 0, 0, ""
    stores = set[str]()
    for spool in Spool.orphaned(folder):
        destination = spool.destination
        address = uri if without_password(uri) == destination.uri else destination.uri
        stores.add(address)
        before, delivery = len(spool), SpoolDelivery(partial(connect, address, outputs, destination.experiment))
        try:
            _deliver_watched(delivery, spool)
        except BaseException:  # Ctrl-C: the next time goes on from there
            spool.close()
            raise
        delivered, waiting = delivered + before - len(spool), waiting + len(spool)
        trouble = delivery.last_error or trouble
        spool.close()
    return delivered, waiting, trouble, stores


def _deliver_watched(delivery: SpoolDelivery, spool: Spool) -> None:
    """Deliver what waits in a spool, with a progress bar."""
    stopped = threading.Event()
    with ThreadPoolExecutor(1) as pool, delivery_progress(spool.destination.uri, len(spool)) as update:
        done = pool.submit(_deliver_while_it_goes_on, delivery, spool, stopped)
        try:
            while not wait([done], timeout=0.25).done:
                update(len(spool))
            done.result()
        finally:
            stopped.set()


def _deliver_while_it_goes_on(delivery: SpoolDelivery, spool: Spool, stopped: threading.Event) -> None:
    """Deliver again and again while that brings something: a busy server may be late with an answer."""
    left = len(spool) + 1
    while 0 < len(spool) < left and not stopped.is_set():
        left = len(spool)
        delivery.deliver(spool, stopped)
