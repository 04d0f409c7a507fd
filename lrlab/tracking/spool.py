"""Entries that wait for a tracking server, in a file that outlives the process which wrote them.

One file per process, `outputs/spool/*.jsonl`: a line with the destination, then one line per entry. The kernel's lock
on it tells a file that is written to from one whose process is dead.
"""

import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import Any, Self

from lrlab.errors import cannot_write

SpoolEntry = Mapping[str, Any]


@dataclass(frozen=True)
class Destination:
    """Where entries belong: a tracking URI, without its password, and an experiment."""

    uri: str
    experiment: str


class Spool:
    """One such file, locked. Entries are added at the end and taken from the front, by two threads at most."""

    def __init__(self, path: Path, file: FileIO, destination: Destination) -> None:
        """Take over a locked file: use `create` or `orphaned`."""
        self.path, self.destination = path, destination
        self._file, self._lock = file, threading.Lock()
        self._start = self._read = len(_line(asdict(destination)))
        self._end = file.seek(0, os.SEEK_END)

    @classmethod
    def create(cls, folder: Path, destination: Destination) -> Self:
        """Create one, and its folder if that is missing.

        Raises:
            InputError: it cannot be written.
        """
        path = folder / f"{time.strftime('%Y-%m-%d_%H-%M-%S')}_{secrets.token_hex(4)}.jsonl"
        new = path.with_suffix(".new")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = new.open("xb+", buffering=0)
            new.chmod(0o600)
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(_line(asdict(destination)))
            new.rename(path)  # locked and whole before anybody can see it
        except OSError as error:
            raise cannot_write(f"the spool {path}", error) from error
        return cls(path, file, destination)

    @classmethod
    def orphaned(cls, folder: Path) -> Iterator[Self]:
        """Yield those that no process holds any more, oldest first."""
        for path in sorted(folder.glob("*.jsonl")):
            file = path.open("rb+", buffering=0)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            if os.fstat(file.fileno()).st_nlink == 0:  # its holder has just finished with it
                file.close()
                continue
            yield cls(path, file, Destination(**json.loads(file.readline())))

    @property
    def empty(self) -> bool:
        return self._read == self._end

    def __len__(self) -> int:
        """Return how many entries wait."""
        return os.pread(self._file.fileno(), self._end - self._read, self._read).count(b"\n")

    def add(self, entry: SpoolEntry) -> None:
        """Append an entry; the kernel has it when this returns.

        Raises:
            InputError: it cannot be written; what was there before is as it was.
        """
        line = _line(entry)
        with self._lock:
            try:
                written = os.pwrite(self._file.fileno(), line, self._end)
                if written < len(line):  # no space: the next call raises
                    os.pwrite(self._file.fileno(), line[written:], self._end + written)
            except OSError as error:
                raise cannot_write(f"the spool {self.path}", error) from error
            self._end += len(line)

    def peek(self) -> tuple[SpoolEntry, int] | None:
        """Return the first entry and its length in bytes; None if there is none, or only part of one."""
        size, block = self._end - self._read, b""
        while len(block) < size and b"\n" not in block:
            block += os.pread(self._file.fileno(), min(1 << 16, size - len(block)), self._read + len(block))
        line, newline, _ = block.partition(b"\n")
        return (json.loads(line), len(line) + 1) if newline else None

    def pop(self, length: int) -> None:
        """Remove the first entry; truncate the file when none is left."""
        with self._lock:
            self._read += length
            if self._read == self._end:
                os.ftruncate(self._file.fileno(), self._start)
                self._read = self._end = self._start

    def dead_letter(self, entry: SpoolEntry, reason: str) -> None:
        """Keep in a file beside this one an entry that its destination refuses."""
        with self.path.with_suffix(".refused").open("ab") as file:
            file.write(_line({"reason": reason, **entry}))

    def close(self) -> None:
        """Close and unlock the file; delete it if nothing waits in it. Closing twice is fine."""
        if self._file.closed:
            return
        if self.peek() is None:
            self.path.unlink(missing_ok=True)
        self._file.close()


def _line(entry: SpoolEntry) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"
