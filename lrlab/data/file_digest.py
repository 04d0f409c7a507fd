"""The digests of files, and a note of them in their folder: what nobody has touched since is not read again.

A program can choose the time at which a file was last modified, but not the time of its last change (`ctime`), which no
write leaves as it was. With inode and size it tells a changed file, and a copy, as in Git's index.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lrlab.data.verified_files import atomic_write

NOTE = "digests.json"
SETTLED = 2_000_000_000  # nanoseconds within which a file system may give two changes one time

Status = tuple[int, ...]  # inode, size, times of modification and change
Noted = Mapping[str, tuple[Status, "FileDigest"]]  # by the name of the file


@dataclass(frozen=True)
class FileDigest:
    """Size in bytes and sha256 (hex) of a file."""

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "FileDigest":
        with path.open("rb") as stream:
            return cls(path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())


def read_digests(folder: Path, names: Sequence[str]) -> dict[str, FileDigest]:
    """Read files of a folder; return their digests, and note them."""
    return _digests(folder, names, {})


def current_digests(folder: Path, names: Sequence[str]) -> dict[str, FileDigest]:
    """Return the digests of files of a folder; read are those that have been touched since they were noted."""
    return _digests(folder, names, _noted(folder))


def _digests(folder: Path, names: Sequence[str], noted: Noted) -> dict[str, FileDigest]:
    settled = time.time_ns() - SETTLED
    status = {name: _status(folder / name) for name in names}
    found = {name: noted[name][1] for name in names if name in noted and noted[name][0] == status[name]}
    if unread := [name for name in names if name not in found]:
        with ThreadPoolExecutor() as pool:  # hashing releases the interpreter lock
            found |= zip(unread, pool.map(FileDigest.of, (folder / name for name in unread)), strict=True)
        if noted := {name: (status[name], found[name]) for name in names if status[name][-1] < settled}:
            _note(folder, noted)
    return found


def _status(path: Path) -> Status:
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _noted(folder: Path) -> Noted:
    try:
        content = json.loads((folder / NOTE).read_bytes())
        return {
            name: (tuple(each["status"]), FileDigest(each["status"][1], each["sha256"]))
            for name, each in content.items()
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # there is none that can be used
        return {}


def _note(folder: Path, digests: Noted) -> None:
    content = {name: {"status": status, "sha256": digest.sha256} for name, (status, digest) in digests.items()}
    with suppress(OSError), atomic_write(folder / NOTE) as stream:  # others' folder: they are read each time
        stream.write(json.dumps(content, indent=2).encode())
