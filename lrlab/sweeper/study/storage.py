"""Where studies are kept: a journal file, SQLite, PostgreSQL, or the memory of this process."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from optuna.storages import RDBStorage

from lrlab.config.sqlite_url import SCHEME, SqliteUrl
from lrlab.config.validation import writable_file
from lrlab.errors import InputError, cannot_write
from lrlab.sweeper.study.journal import create_private
from lrlab.sweeper.study.journal_store import JournalStore
from lrlab.sweeper.study.memory import MemoryStore
from lrlab.sweeper.study.trial_store import TrialStore

ALLOWED = "memory, journal:PATH, PATH.log, sqlite:///PATH or postgresql://…"
DEFAULT = Path("outputs") / "optuna.log"
MAX_OPEN = 4  # storages of which a process keeps what it has read
_MEMORIES: dict[str, MemoryStore] = {}  # of this process


@dataclass(frozen=True)
class Storage:
    """Where studies are stored, by URL, so that every worker can open it for itself.

    Attributes:
        url: normalized: `memory:TOKEN`, `journal:/absolute/path`, or an SQLAlchemy URL.
    """

    url: str

    @property
    def is_memory(self) -> bool:
        return self.url.startswith("memory:")

    @property
    def file(self) -> Path | None:
        """Return the file that holds the studies; None if they are in no file."""
        if self.url.startswith("journal:"):
            return Path(self.url.removeprefix("journal:"))
        database = SqliteUrl.parse("hydra.sweeper.storage", self.url, Path.cwd())
        return database.file if database else None

    @property
    def exists(self) -> bool:
        """Return whether there may be studies already; create nothing."""
        return self.file.is_file() if self.file else True

    def __str__(self) -> str:
        """Return the URL without its password."""
        if self.url.startswith(("memory:", "journal:")):
            return self.url.partition(":")[0] if self.is_memory else self.url
        from sqlalchemy import make_url

        return make_url(self.url).render_as_string(hide_password=True)

    def __repr__(self) -> str:
        return f"Storage({self})"

    def open(self) -> TrialStore:
        """Return the handle of this process, which keeps what it has read; create the storage if it does not exist.

        Raises:
            InputError: it cannot be reached or written; the message never shows a password.
        """
        try:
            if self.is_memory:
                return _MEMORIES.setdefault(self.url, MemoryStore())
            if self.file is not None:
                create_private(self.file)
            return _open(self.url, self.file, self._identity())
        except OSError as error:
            raise cannot_write(f"hydra.sweeper.storage {self}", error) from None
        except Exception as error:  # noqa: BLE001  whatever a database driver raises, which may show the URL
            cause = error.__cause__ or error
            reason = str(cause) if isinstance(cause, ImportError) else type(cause).__name__
            raise InputError(f"hydra.sweeper.storage {self} cannot be opened: {reason}") from None

    def _identity(self) -> tuple[int, ...]:
        """Return what tells this process from others, and the file from later ones in its place.

        A handle keeps its file open: no other can have its number.
        """
        status = self.file.stat() if self.file else None
        return (os.getpid(), status.st_dev, status.st_ino) if status else (os.getpid(),)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other processes out of this block for this storage. The lock ends with its holder."""
        if self.is_memory:
            yield
        elif self.file:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(self.file.with_name(f".{self.file.name}.guard")):
                yield
        else:
            from lrlab.sweeper.study import postgresql

            with postgresql.lock(self.url, postgresql.EXCLUSIVE):
                yield

    def check_writable(self) -> None:
        """Refuse a file that could not be written, without writing it."""
        if self.file is not None:
            writable_file("hydra.sweeper.storage", self.file)


def parse(url: str | None, folder: Path) -> Storage:
    """Return the storage that a config names; relative paths start from a folder.

    Raises:
        InputError: it is none of the allowed forms.
    """
    text = str(DEFAULT) if url is None else str(url)
    if text == "memory":
        return Storage(f"memory:{secrets.token_hex(8)}")
    scheme, _, rest = text.partition(":")
    if scheme == "journal" and rest.strip("/"):
        return Storage(f"journal:{(folder / _one_slash(rest)).absolute()}")
    if text.removeprefix(SCHEME) and (database := SqliteUrl.parse("hydra.sweeper.storage", text, folder)):
        return Storage(str(database))
    if text.endswith(".log") and "://" not in text:
        return Storage(f"journal:{(folder / text).absolute()}")
    if scheme.partition("+")[0] == "postgresql" and rest.startswith("//"):
        return Storage(text)
    shown = text if "@" not in text else f"{scheme}:…"  # a password may be in it
    raise InputError(f"hydra.sweeper.storage must be null, {ALLOWED}, got {shown!r}")


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("ab") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield


def _one_slash(path: str) -> str:
    return f"/{path.lstrip('/')}" if path.startswith("/") else path


@lru_cache(MAX_OPEN)
def _open(url: str, file: Path | None, identity: tuple[int, ...]) -> TrialStore:
    if url.startswith("journal:"):
        return JournalStore(Path(url.removeprefix("journal:")))
    from lrlab.sweeper.study.database_store import DatabaseStore  # imports SQLAlchemy

    if file is None:
        from lrlab.sweeper.study import postgresql

        with postgresql.lock(url, postgresql.TABLES, retry_time=0):  # hosts that begin at once would both create them
            backend = RDBStorage(url, engine_kwargs={"connect_args": postgresql.connect_args(url)})
            postgresql.watch_clients(backend.engine)
            return DatabaseStore(backend)
    timeout = {} if "timeout" in dict(parse_qsl(url.partition("?")[2])) else {"connect_args": {"timeout": 60}}
    with _locked(file.with_name(f".{file.name}.tables")):  # processes that begin at once would both create them
        database = RDBStorage(url, engine_kwargs=timeout)
        _claim_writes_at_once(database.engine)
        return DatabaseStore(database)


def _claim_writes_at_once(engine: Any) -> None:
    """Begin every SQLite transaction as a writing one.

    By default a transaction reads first and asks for the write lock later, so two workers can read the same
    waiting trial and both claim it.
    """
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def disable_implicit_transactions(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")  # halves the time; committed data stay consistent
        connection.execute("PRAGMA synchronous=NORMAL")

    @event.listens_for(engine, "begin")
    def begin_immediate(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    engine.dispose()  # connections made before now
