"""An empty MLflow database, written down as SQL: MLflow takes five seconds to create one, running this takes none.

That of the version in `constraints.txt` lies beside this module; a test compares it with what MLflow makes. That of
another version is written down in the user's cache when MLflow has created one.
"""

import sqlite3
import tempfile
import time
from contextlib import closing, suppress
from importlib.metadata import version
from pathlib import Path

from lrlab.runtime.home import cache

SHIPPED = Path(__file__).parent
DEFAULT = (
    "UPDATE experiments SET artifact_location = ?, creation_time = ?, last_update_time = ? WHERE experiment_id = 0"
)


def name() -> str:
    """Return the name of the file for the installed MLflow."""
    return f"mlflow_{version('mlflow')}.sql"


def create(file: Path, artifacts: str) -> bool:
    """Fill a file with the empty database of the installed MLflow; return whether it is written down, and sound.

    Args:
        file: exists, and is empty. It is rubbish if this returns False.
        artifacts: location below which MLflow's default experiment has its artifacts.
    """
    sql = read()
    now = time.time_ns() // 1_000_000
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as db:
            db.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)  # SQL from a cache opens no other file
            db.executescript(sql)  # one transaction; closed with the database if it lacks its end
            if not sql or db.in_transaction:
                return False
            db.execute(DEFAULT, (f"{artifacts}/0", now, now))
    except sqlite3.Error:  # of a full disk, too: MLflow will say so
        return False
    return True


def read() -> str:
    """Return the SQL for the installed MLflow; "" if it is not written down."""
    kept = _kept()
    for path in (SHIPPED / name(), *([kept] if kept else [])):
        with suppress(OSError, UnicodeError):
            return path.read_text(encoding="utf-8")
    return ""


def dump(file: Path) -> str:
    """Return a database that MLflow has just created as SQL, without the time and the place."""
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("BEGIN")
        db.execute(DEFAULT, ("", 0, 0))
        sql = "\n".join(db.iterdump()) + "\n"
        db.execute("ROLLBACK")
    return sql


def keep(file: Path) -> None:
    """Write down a database that MLflow has just created, unless the cache cannot be written."""
    target = _kept()
    if target is None:
        return
    with suppress(OSError):
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            whole = Path(scratch) / target.name
            whole.write_text(dump(file), encoding="utf-8")
            whole.replace(target)


def _kept() -> Path | None:
    folder = cache()
    return folder / "mlflow" / name() if folder else None
