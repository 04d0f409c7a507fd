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
        """Return that of a database; one that is linked into an output directory lies elsewhere."""
        return cls(folder, database.resolve().parent == folder.parent.resolve())

    def of_experiment(self, recorded: str, experiment: int) -> str:
        """Return the location below which an experiment's new runs go.

        Raises:
            InputError: it has a location of its own, which is not on this machine.
        """
        if below := _below_root(recorded, experiment):
            return artifacts.location(Path(f"{self.folder}{below[2]}"))
        artifacts.directory(recorded)
        return recorded

    def of_run(self, recorded: str, experiment: int, run_id: str) -> Path:
        """Return the directory of a run's artifacts.

        Raises:
            InputError: as of `of_experiment`.
        """
        below = _below_root(recorded, experiment, run_id)
        if below is None:
            return artifacts.directory(recorded)
        here = Path(f"{self.folder}{below[2]}")
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
        experiments = db.execute("SELECT artifact_location, experiment_id FROM experiments").fetchall()
        runs = db.execute("SELECT artifact_uri, experiment_id, run_uuid FROM runs").fetchall()
        roots = {found[1] for row in (*experiments, *runs) if (found := _below_root(*row))}
        stale = [root for root in sorted(roots) if artifacts.directory(root).resolve() != folder.resolve()]
        if not stale:
            return 0
        db.execute("BEGIN IMMEDIATE")
        for root in stale:
            for table, column in LOCATIONS:
                _replace(db, table, column, root, artifacts.location(folder))
        db.execute("COMMIT")
        return sum(uri.startswith(tuple(f"{root}/" for root in stale)) for uri, _, _ in runs)


def _below_root(uri: str | None, experiment: int, run_id: str | None = None) -> re.Match[str] | None:
    """Match the location of an experiment's or a run's artifacts below a folder mlartifacts: that, and the rest."""
    rest = f"(?:/{experiment})?" + (f"/{re.escape(run_id)}/artifacts" if run_id else "")
    return re.fullmatch(f"((?:/|file:).*/{NAME})({rest})", uri or "", re.DOTALL)


def _replace(db: sqlite3.Connection, table: str, column: str, old: str, new: str) -> None:
    """Replace a folder in which a column's locations lie, if there is such a column."""
    if db.execute("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", (table, column)).fetchone():
        db.execute(
            f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE {column} = ? OR substr({column}, 1, ?) = ?",
            (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
        )
