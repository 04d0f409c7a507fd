"""Look whether this host is fit for a sweep: what is installed, reachable, writable, and left behind by dead processes.

Nothing is written that stays.
"""

import importlib.metadata
import os
import platform
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lrlab.config.command_line import Places, command
from lrlab.errors import InputError
from lrlab.runtime.environment import blas_of
from lrlab.runtime.process_id import has_ended_here, is_gone
from lrlab.sweeper.launching.shared_files import check_runs, check_storage
from lrlab.sweeper.study import study as studies
from lrlab.sweeper.study.queue import Queue, claimants
from lrlab.sweeper.study.storage import Storage
from lrlab.tracking import database
from lrlab.tracking.database import without_password
from lrlab.tracking.mlflow import Mlflow, connect
from lrlab.training.experiment import DataSource

PACKAGES = ("lrlab", "numpy", "scipy", "optuna", "mlflow", "hydra-core")
LAUNCHERS = ("hydra-joblib-launcher", "hydra-submitit-launcher", "submitit", "hydra-ray-launcher", "ray")
CLOCK_TOLERANCE = 2.0  # seconds: leases are renewed several times in their length


@dataclass(frozen=True)
class CheckResult:
    """One thing that was looked at.

    Attributes:
        check: what it is about.
        state: mend, where a sweep would fail or give a wrong picture; note, where it may be as it is.
        found: in one line.
        remedy: what to do or type; "" where there is nothing to do.
    """

    check: str
    state: Literal["ok", "note", "mend"]
    found: str
    remedy: str = ""


def look(storage: Storage, tracking: Mlflow, places: Places) -> list[CheckResult]:
    """Look at everything that needs no configuration.

    Args:
        storage: of the studies.
        tracking: of the runs.
        places: where both are, for the remedies.
    """
    checks: tuple[tuple[str, Callable[[], Iterator[CheckResult]]], ...] = (
        ("versions", versions),
        ("storage", lambda: _storage(storage)),
        ("trials", lambda: _trials(storage, places)),
        ("tracking", lambda: _tracking(tracking, places)),
        ("spool", lambda: spools(places)),
    )
    findings: list[CheckResult] = []
    for name, check in checks:
        try:
            findings += check()
        except InputError as error:
            findings.append(CheckResult(name, "mend", str(error), "make it reachable, or name another one"))
    return findings


def versions() -> Iterator[CheckResult]:
    """Yield what is installed, and the BLAS kernel, on which the last digits of a training depend."""
    import numpy as np

    blas = blas_of(np)
    kernel = f"{blas.get('internal_api', 'unknown')} {blas.get('version', '')} {blas.get('architecture', '')}"
    told = [f"Python {platform.python_version()}", *(f"{name} {_version(name)}" for name in PACKAGES)]
    yield CheckResult("versions", "ok", f"{', '.join(told)}; BLAS {' '.join(kernel.split())}")
    launchers = [f"{name} {version}" for name in LAUNCHERS if (version := _version(name)) != "missing"]
    absent = [extra for extra, name in (("slurm", "submitit"), ("ray", "ray")) if _version(name) == "missing"]
    remedy = "; ".join(f"pip install 'lrlab[{extra}]' if you need it" for extra in absent)
    yield CheckResult("launchers", "ok", ", ".join(launchers) or "none", remedy)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _storage(storage: Storage) -> Iterator[CheckResult]:
    storage.check_writable()
    if storage.file and storage.exists and storage.url.startswith("sqlite"):
        _check_sqlite("storage", storage.file)
    if storage.file:
        yield CheckResult("storage", "ok", f"{storage} {'can be written' if storage.exists else 'does not exist yet'}")
    elif not storage.is_memory:
        yield from _database(storage)


def _check_sqlite(key: str, file: Path) -> None:
    """Begin to write, and write nothing.

    Raises:
        InputError: that cannot be done.
    """
    try:
        with closing(sqlite3.connect(file.as_uri() + "?mode=rw", uri=True, timeout=5)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
    except sqlite3.Error as error:
        raise InputError(f"{key} {file} cannot be written: {error}") from error


def _database(storage: Storage) -> Iterator[CheckResult]:
    """Yield whether a server's database can be written, and how its clock differs from this host's."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        with create_engine(storage.url, poolclass=NullPool).connect() as connection:
            connection.execute(text("CREATE TABLE lrlab_doctor (x INTEGER)"))
            connection.rollback()  # it was never there
            before = time.time()
            theirs = float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
            after = time.time()
    except (SQLAlchemyError, ImportError) as error:
        reason = " ".join(str(error.__cause__ or error).split())[:200]
        remedy = "start it, or let its user create tables; pip install 'lrlab[postgresql]' brings the driver"
        yield CheckResult("storage", "mend", f"{storage} cannot be written: {reason}", remedy)
        return
    yield CheckResult("storage", "ok", f"{storage} can be written, {1000 * (after - before):.0f} ms a question")
    yield clock_finding("the database", theirs - (before + after) / 2)


def _has_tables(storage: Storage) -> bool:
    """Return whether a server's database holds studies: to open it would create their tables.

    Raises:
        InputError: it does not answer.
    """
    from sqlalchemy import create_engine, inspect
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        return bool(inspect(create_engine(storage.url, poolclass=NullPool)).has_table("studies"))
    except (SQLAlchemyError, ImportError) as error:
        raise InputError(f"{storage} does not answer: {type(error).__name__}") from error


def clock_finding(whose: str, difference: float) -> CheckResult:
    """Return what to say of a clock that differs from this host's by so many seconds."""
    found = f"{whose} is {abs(difference):.1f} s {'ahead of' if difference > 0 else 'behind'} this host"
    if abs(difference) <= CLOCK_TOLERANCE:
        return CheckResult("clock", "ok", found)
    return CheckResult("clock", "mend", found, "let both keep time by NTP: `timedatectl set-ntp true`")


def _trials(storage: Storage, places: Places) -> Iterator[CheckResult]:
    """Yield the trials that seem to run, and whose processes have died."""
    if storage.is_memory or not storage.exists or not (storage.file or _has_tables(storage)):
        return
    lost, elsewhere = 0, 0
    for name in studies.names(storage):
        running = [owners for trial in Queue(storage, name).running() if (owners := claimants(trial))]
        dead = sum(all(map(has_ended_here, owners)) for owners in running)
        lost, elsewhere = lost + dead, elsewhere + len(running) - dead
    if lost:
        found = f"{lost} trials seem to run, but their processes have died"
        yield CheckResult("trials", "mend", found, command("repair", places=places))
    else:
        yield CheckResult("trials", "ok", f"{elsewhere} trials run")


def _tracking(tracking: Mlflow, places: Places) -> Iterator[CheckResult]:
    """Yield whether the store of the runs answers, and the runs that dead processes left open."""
    outputs, place = str(places.outputs), tracking.place
    shown = "outputs/mlflow.db" if place.uri == database.OWN else without_password(place.uri)
    if url := database.sqlite_url(place.uri, outputs):
        tracking.verify(outputs)
        if not url.file.is_file():
            yield CheckResult("tracking", "ok", f"{shown} does not exist yet")
            return
        _check_sqlite("tracking", url.file)
        with tracking.open_all(outputs) as tracker:
            unfinished = tracker.unfinished_runs()
    else:
        begun = time.monotonic()
        unfinished = connect(place.uri, outputs, None).unfinished_runs()
        shown = f"{shown} answers in {1000 * (time.monotonic() - begun):.0f} ms"
    yield CheckResult("tracking", "ok", shown)
    dead = sum(is_gone(run.owner, seen=run.seen) for run in unfinished)
    if dead:
        found = f"{dead} runs are open, but their processes have died"
        yield CheckResult("runs", "mend", found, command("repair", places=places))
    else:
        yield CheckResult("runs", "ok", f"{len(unfinished)} runs are open")


def spools(places: Places) -> Iterator[CheckResult]:
    """Yield the records that wait on this host for a server."""
    folder = places.outputs / "spool"
    waiting = {file: file.read_bytes().count(b"\n") - 1 for file in sorted(folder.glob("*.jsonl"))}
    refused = list(folder.glob("*.refused"))
    if total := sum(max(0, count) for count in waiting.values()):
        found = f"{total} records wait in {folder} for their server"
        yield CheckResult("spool", "mend", found, command("repair", places=places))
    else:
        yield CheckResult("spool", "ok", f"nothing waits in {folder}")
    if refused:
        yield CheckResult("spool", "note", f"{len(refused)} files of records that a server refused are in {folder}")


@dataclass(frozen=True)
class HostLook:
    """What is looked at on a host of a cluster; picklable.

    Attributes:
        directory: of the sweep, absolute.
        places, storage, tracking: as `look` gets them.
        data: of the training; None where there is none to be compared.
        digest: of the data on the host that asks.
        lrlab, python: the versions there.
    """

    directory: str
    places: Places
    storage: Storage
    tracking: Mlflow
    data: DataSource | None
    digest: str
    lrlab: str = _version("lrlab")
    python: str = platform.python_version()

    def __call__(self, config: object) -> str:
        """Return in a line what is there.

        Raises:
            InputError: something is missing, or differs from the host that asks.
        """
        if not os.path.isdir(self.directory):
            raise InputError(f"there is no {self.directory}, the folder of the sweep: share it with this host")
        os.chdir(self.directory)
        here = _version("lrlab"), platform.python_version()
        if here != (self.lrlab, self.python):
            raise InputError(f"lrlab {here[0]} with Python {here[1]} is not {self.lrlab} with {self.python} here")
        if self.data is not None:
            self.data.verify()
            if (digest := self.data.load().digest[:16]) != self.digest:
                raise InputError(f"data differ, by their digest {digest}, not {self.digest}: copy them")
        for finding in (*_storage(self.storage), *_tracking(self.tracking, self.places)):
            if finding.state == "mend" and finding.check != "runs":
                raise InputError(f"{finding.found}: {finding.remedy}")
        return f"folder{', data' if self.data else ''}, storage and tracking are there"


def data_finding(data: DataSource) -> tuple[CheckResult, str]:
    """Return what to say of the data on this host, and a few digits of their digest; "" if they cannot be used."""
    try:
        data.verify()
        loaded = data.load()
    except InputError as error:
        return CheckResult("data", "mend", str(error), "fetch or copy them, or name others: data.path=PATH"), ""
    return CheckResult("data", "ok", f"{loaded.name}, digest {loaded.digest[:16]}"), loaded.digest[:16]


def shared_file_findings(hydra: Any, storage: Storage, tracking: Mlflow, outputs: str) -> Iterator[CheckResult]:
    """Yield the files that the workers of a launcher would share across hosts.

    Args:
        hydra: the node of a composed config.
    """
    checks: tuple[Callable[[], None], ...] = (
        lambda: check_storage(hydra, storage),
        lambda: check_runs(hydra, "tracking.uri", tracking.address(outputs)),
    )
    for check in checks:
        try:
            check()
        except InputError as error:
            yield CheckResult(
                "launcher", "mend", str(error), "`lrlab[postgresql]` and `mlflow server` serve several hosts"
            )


def host_findings(host: str, found: str, failure: str) -> Iterator[CheckResult]:
    """Yield what to say of a host of a cluster.

    Args:
        found: what was there.
        failure: what was missing, with the host's name; "" if nothing was.
    """
    if failure:
        yield CheckResult(
            "host", "mend", failure, f"mend that on {host}, or leave it out: hydra.launcher.exclude={host}"
        )
        return
    yield CheckResult("host", "ok", f"{host}: {found}")
