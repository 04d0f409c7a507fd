"""The folder below which the artifacts of an SQLite store are kept, and those that were recorded under an earlier path.

MLflow records an absolute location for every experiment and run. An output directory may be moved, copied or mounted
elsewhere, so what is recorded below some `mlartifacts/` is found and written below the one of the output directory in
use. MLflow itself goes by what is recorded: `relocate` brings that up to date.
"""

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lrlab.config.sqlite_url import SqliteUrl
from lrlab.tracking import artifacts

NAME = "mlartifacts"
LOCATIONS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)


@dataclass(frozen=True)
class ArtifactRoot:
    """The folder `mlartifacts/` of the output directory in use.

    Attributes:
        owned: whether the database lies in that output directory too. One that lies elsewhere may hold runs of
            several output directories, and those of another are where they were recorded.
    """

    folder: Path
    owned: bool

    @classmethod
    def of(cls, database: Path, folder: Path) -> "ArtifactRoot":
        return cls(folder, database.parent.resolve() == folder.parent.resolve())

    def of_experiment(self, recorded: str, experiment: int) -> str:
        """Return the location below which an experiment's new runs go.

        Raises:
            InputError: it has a location of its own, which is not on this machine.
        """
        if recorded.endswith(f"/{NAME}/{experiment}"):
            return artifacts.location(self.folder / str(experiment))
        artifacts.directory(recorded)
        return recorded

    def of_run(self, recorded: str, experiment: int, run_id: str) -> Path:
        """Return the directory of a run's artifacts.

        Raises:
            InputError: as of `of_experiment`.
        """
        if not recorded.endswith(f"/{NAME}/{experiment}/{run_id}/artifacts"):
            return artifacts.directory(recorded)
        here = self.folder / str(experiment) / run_id / "artifacts"
        if self.owned or here.is_dir():
            return here
        there = artifacts.directory(recorded)
        return there if there.is_dir() else here


def relocate(url: SqliteUrl, folder: Path) -> int:
    """Record the artifacts of an output directory where they are; return of how many runs that changed something.

    Args:
        url: of its database; one that lies elsewhere is left as it is.
        folder: its `mlartifacts/`.

    Raises:
        sqlite3.Error: the database cannot be written, or is no MLflow store.
    """
    if not ArtifactRoot.of(url.file, folder).owned:
        return 0
    with closing(url.connect(60, isolation_level=None)) as db:
        before = db.execute("SELECT artifact_location, experiment_id FROM experiments").fetchall()
        runs = db.execute("SELECT artifact_uri, experiment_id || '/' || run_uuid || '/artifacts' FROM runs").fetchall()
        roots = {found[1] for uri, tail in (*before, *runs) if (found := _below_root(uri, str(tail)))}
        stale = [root for root in sorted(roots) if artifacts.directory(root).resolve() != folder.resolve()]
        if not stale:
            return 0
        db.execute("BEGIN IMMEDIATE")
        for root in stale:
            for table, column in LOCATIONS:
                _replace(db, table, column, f"{root}/", f"{artifacts.location(folder)}/")
        db.execute("COMMIT")
        return sum(uri.startswith(tuple(f"{root}/" for root in stale)) for uri, _ in runs)


def _below_root(uri: str | None, tail: str) -> re.Match[str] | None:
    return re.fullmatch(f"((?:/|file:).*/{NAME})/{re.escape(tail)}", uri or "", re.DOTALL)


def _replace(db: sqlite3.Connection, table: str, column: str, old: str, new: str) -> None:
    """Replace the beginning of a column's texts, if there is such a column."""
    if db.execute("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", (table, column)).fetchone():
        db.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
            (new, len(old) + 1, len(old), old),
        )
