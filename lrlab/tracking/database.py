"""The address of the MLflow store, and the creation of its SQLite file."""

import logging
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from lrlab.errors import InputError, cannot_write

logger = logging.getLogger(__name__)

QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}
CREATE = """
import sys
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
SqlAlchemyStore(f"sqlite:///{sys.argv[1]}", sys.argv[2])
"""


def address(uri: str | None, outputs: str) -> str:
    """Return the tracking URI, absolute; without one, `mlflow.db` in the directory `outputs`."""
    file = sqlite_file(uri or f"sqlite:///{Path(outputs) / 'mlflow.db'}")
    return f"sqlite:///{file}" if file else str(uri)


def sqlite_file(uri: str) -> Path | None:
    """Return the absolute path of the file that an SQLite URI names; None for any other URI."""
    path = uri.removeprefix("sqlite:///")
    return Path(path).absolute() if path not in ("", uri) and "?" not in path else None


def artifact_root(outputs: str) -> Path:
    """Return the folder for the files of new experiments."""
    return Path(outputs).absolute() / "mlartifacts"


def mlflow_command(uri: str, *arguments: str) -> str:
    """Return a command of MLflow's, as a shell takes it; a password in the address is left out."""
    program = ["mlflow"] if shutil.which("mlflow") else [sys.executable, "-m", "mlflow"]
    return f"MLFLOW_TRACKING_URI={shlex.quote(without_password(uri))} {shlex.join([*program, *arguments])}"


def without_password(text: str) -> str:
    """Return a text without the user names and passwords of the addresses in it."""
    return re.sub(r"//[^@\s]*@", "//", text)


def create_database(file: Path, artifacts: Path) -> None:
    """Create an empty MLflow database, readable by its owner alone, unless the file exists.

    MLflow crashes when several processes create one database, and a process that is killed meanwhile leaves
    half a database. So each creates its own and the first to be ready links it to the final name. MLflow does so in a
    separate process: it would take over this one's logging.

    Raises:
        InputError: the folder cannot be written.
    """
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        artifacts.mkdir(mode=0o700, parents=True, exist_ok=True)
        if file.exists():
            return
        with tempfile.TemporaryDirectory(prefix=".mlflow-", dir=file.parent) as scratch:
            new = Path(scratch) / file.name
            new.touch(mode=0o600)
            logger.info("creating the MLflow store, once")  # without its path, which may be a secret of the environment
            _fill(new, artifacts)
            with suppress(FileExistsError):
                os.link(new, file)  # unlike a rename it never replaces a database that another process uses already
    except OSError as error:
        raise cannot_write(f"the MLflow store {error.filename or file}", error) from error


def _reason(traceback: str) -> str:
    """Return the line of a traceback that names the error; SQLAlchemy adds some after it."""
    lines = traceback.strip().splitlines() or ["it does not say why"]
    reason = next((line for line in reversed(lines) if re.match(r"[\w.]+(Error|Exception|Exit): ", line)), lines[-1])
    remedy = "; check that its disk works and has space, then run the command again" if "disk" in reason else ""
    return f"{reason}{remedy}"


def _fill(file: Path, artifacts: Path) -> None:
    command = [sys.executable, "-P", "-c", CREATE, str(file), str(artifacts)]
    done = subprocess.run(command, env={**QUIET, **os.environ}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"MLflow cannot create a store in {file.parents[1]}: {_reason(done.stderr)}")
    db = sqlite3.connect(file)
    db.execute("PRAGMA journal_mode = WAL")  # kept by the file: readers and writers do not wait for each other
    db.close()
