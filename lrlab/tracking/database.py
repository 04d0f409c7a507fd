"""The address of the MLflow store, and the creation of its SQLite file."""

import errno
import logging
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lrlab.config import validation
from lrlab.config.sqlite_url import SqliteUrl
from lrlab.errors import InputError, cannot_write
from lrlab.runtime.home import home_variable
from lrlab.tracking import artifact_root as artifact_roots
from lrlab.tracking import empty_database
from lrlab.tracking.artifacts import location

logger = logging.getLogger(__name__)

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}
CREATE = """
import sys
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
SqlAlchemyStore("sqlite:///new.db", sys.argv[1])
"""
CANNOT_WRITE = {"FULL": errno.ENOSPC, "IOERR": errno.EIO, "READONLY": errno.EACCES}  # SQLite's errors
OWN = "outputs"  # instead of a tracking URI: mlflow.db in the output directory, whatever the environment says


def address(uri: str | None, outputs: str) -> str:
    """Return the tracking URI, absolute; `OWN` and None are `mlflow.db` in the directory `outputs`."""
    return str(sqlite_url(uri, outputs) or uri)


def sqlite_url(uri: str | None, outputs: str = OWN) -> SqliteUrl | None:
    """Return the SQLite database of a tracking URI; None for any other URI.

    Raises:
        InputError: it names no file, or has another option than `timeout`.
    """
    if uri in (None, OWN):
        return SqliteUrl((Path(outputs) / "mlflow.db").absolute())
    return SqliteUrl.parse("tracking.uri", str(uri), Path.cwd(), ["timeout"])


def artifact_root(outputs: str) -> Path:
    """Return the folder for the files of new experiments."""
    return Path(outputs).absolute() / artifact_roots.NAME


@contextmanager
def plain_address(uri: str) -> Iterator[str]:
    """Yield a tracking URI for MLflow itself, which takes no SQLite path that must be percent-encoded: a link to it."""
    url = sqlite_url(uri)
    if url is None or url.is_plain:
        yield uri
        return
    with tempfile.TemporaryDirectory(prefix="lrlab-") as scratch:
        link = Path(scratch).absolute() / "mlflow.db"
        link.symlink_to(url.file)
        yield str(SqliteUrl(link, url.options))


def relocate_artifacts(outputs: str) -> int:
    """Let the store in an output directory, if there is one, name the artifacts where they are now (see `relocate`).

    Returns:
        Of how many runs that changed something.

    Raises:
        InputError: the store cannot be written.
    """
    url = SqliteUrl((Path(outputs) / "mlflow.db").absolute())
    if not url.file.is_file():
        return 0
    try:
        return artifact_roots.relocate(url, artifact_root(outputs))
    except sqlite3.Error as error:
        raise unusable(url.file, error) from error


def unusable(file: Path, error: sqlite3.Error) -> InputError:
    """Return the error of a database that cannot be read or written."""
    kind = getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_").partition("_")[0]
    if kind in CANNOT_WRITE:
        return cannot_write(f"the MLflow store {file}", OSError(CANNOT_WRITE[kind], str(error)))
    return InputError(f"tracking.uri must name a usable MLflow database, got {file} ({error})")


def mlflow_command(uri: str, *arguments: str) -> str:
    """Return a command of MLflow's, as a shell takes it; a password in the address is left out."""
    program = ["mlflow"] if shutil.which("mlflow") else [sys.executable, "-m", "mlflow"]
    return f"MLFLOW_TRACKING_URI={shlex.quote(without_password(uri))} {shlex.join([*program, *arguments])}"


def without_password(text: str) -> str:
    """Return a text without the user names and passwords of the addresses in it."""
    return re.sub(r"(?<!sqlite:)(?<!/)//[^@\s]*@", "//", text)


def create_database(file: Path, artifacts: Path) -> None:
    """Create an empty MLflow database, readable by its owner alone, unless the file exists.

    MLflow crashes when several processes create one database, and a process that is killed meanwhile leaves
    half a database. So each creates its own and the first to be ready links it to the final name. Where the empty
    database of the installed MLflow is not written down, MLflow creates it, in a separate process: it would take over
    this one's logging.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        for place in (file, file.parent, artifacts):
            validation.no_dangling_link("tracking.uri" if place == file else "outputs", place)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        artifacts.mkdir(mode=0o700, parents=True, exist_ok=True)
        if file.exists():
            return
        with tempfile.TemporaryDirectory(prefix=".mlflow-", dir=file.parent) as scratch:
            new = Path(scratch) / "new.db"
            new.touch(mode=0o600)
            if not empty_database.create(new, location(artifacts)):
                new.write_bytes(b"")
                logger.info("creating the MLflow store, once")  # its path may be a secret of the environment
                _fill(new, artifacts)
                empty_database.keep(new)
            db = sqlite3.connect(new)
            db.execute("PRAGMA journal_mode = WAL")  # kept by the file: readers and writers do not wait for each other
            db.close()
            with suppress(FileExistsError):
                os.link(new, file)  # unlike a rename it never replaces a database that another process uses already
    except sqlite3.Error as error:
        raise unusable(file, error) from error
    except OSError as error:
        raise cannot_write(f"the MLflow store {error.filename or file}", error) from error


def _reason(traceback: str) -> str:
    """Return the line of a traceback that names the error; SQLAlchemy adds some after it."""
    lines = traceback.strip().splitlines() or ["it does not say why"]
    reason = next((line for line in reversed(lines) if re.match(r"[\w.]+(Error|Exception|Exit): ", line)), lines[-1])
    remedy = "; check that its disk works and has space, then run the command again" if "disk" in reason else ""
    return f"{reason}{remedy}"


def _fill(file: Path, artifacts: Path) -> None:
    command, folder = [sys.executable, "-P", "-c", CREATE, location(artifacts)], file.parent
    path = os.pathsep.join(map(os.path.abspath, filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))))
    env = {**QUIET, **os.environ, **home_variable(), **({"PYTHONPATH": path} if path else {})}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"MLflow cannot create a store in {file.parents[1]}: {_reason(done.stderr)}")
