"""An empty MLflow database in the user's cache: MLflow takes five seconds to create one, a copy takes none."""

import sqlite3
import tempfile
import time
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

from lrlab.runtime.home import cache


def path() -> Path | None:
    """Return where the database of the installed MLflow is kept; None if the user has no cache."""
    folder = cache()
    return folder / "mlflow" / f"{version('mlflow')}.db" if folder else None


def copy_to(file: Path, artifacts: str) -> bool:
    """Fill a file with the database that is kept; return whether there is a sound one.

    Args:
        file: exists, and is empty.
        artifacts: location below which MLflow's default experiment has its artifacts.

    Raises:
        OSError: the file cannot be written.
    """
    source = path()
    try:
        content = source.read_bytes() if source else b""
    except OSError:
        return False
    if not content:
        return False
    file.write_bytes(content)
    now = time.time_ns() // 1_000_000
    try:
        with closing(sqlite3.connect(file)) as db, db:
            db.execute(
                "UPDATE experiments SET artifact_location = ?, creation_time = ?, last_update_time = ?"
                " WHERE experiment_id = 0",
                (f"{artifacts}/0", now, now),
            )
            return bool(db.execute("PRAGMA quick_check").fetchone() == ("ok",))
    except sqlite3.Error:
        return False


def keep(file: Path) -> None:
    """Keep a database that MLflow has just created, unless one is kept already or the cache cannot be written."""
    target = path()
    with suppress(OSError):
        if target is None or target.exists():
            return
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            whole = Path(scratch) / target.name
            whole.write_bytes(file.read_bytes())
            whole.replace(target)
