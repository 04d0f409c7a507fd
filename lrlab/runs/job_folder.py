"""The folder of a job, as it is attached to its run."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

MAX_FILE: Final = 10_000_000  # bytes: logs and figures; checkpoints of models stay where they are
MAX_FOLDER: Final = 100_000_000
HYDRA: Final = ".hydra"


def read_folder(folder: Path, *, skip_configs: bool) -> dict[str, bytes]:
    """Return the files of a job's folder by their path in it; name those that are too large in a line.

    Args:
        folder: nothing is read if it holds the working directory, and so more than one job's files.
        skip_configs: leave out Hydra's copies of the configuration.
    """
    if Path.cwd().resolve().is_relative_to(folder.resolve()):
        return {}
    files: dict[str, bytes] = {}
    large: list[str] = []
    total = 0
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        if skip_configs and name.startswith(f"{HYDRA}/"):
            continue
        size = path.stat().st_size
        if size > MAX_FILE or total + size > MAX_FOLDER:
            large.append(name)
        else:
            total += size
            files[f"job/{name}"] = path.read_bytes()
    if large:
        shown = ", ".join(large[:3]) + (f" and {len(large) - 3} more" if len(large) > 3 else "")
        log.info("Too large to be attached to the run, still in %s: %s", folder, shown)
    return files


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder, in order; links are not followed."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path
