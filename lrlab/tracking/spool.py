"""Entries that wait for a tracking server, in a file that outlives the process which wrote them.

One file per process, `outputs/spool/*.jsonl`: a line with the destination and with how far the entries have been
delivered, then one line per entry. The kernel's lock on it tells a file that is written to from one whose process is
dead.
"""

import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple, Self

from lrlab.errors import cannot_write

SpoolEntry = Mapping[str, Any]
AT_ONCE = 1 << 20  # bytes of entries that are read at once
PROGRESS = ',"delivered":{:15d},"attempted":{:15d}}}\n'  # the end of the first line, rewritten in place


@dataclass(frozen=True)
class Destination:
    """Where entries belong: a tracking URI, without its password, and an experiment."""

    uri: str
    experiment: str


class Waiting(NamedTuple):
    """An entry in a spool.

    Attributes:
        start, length: where its line is, in bytes.
        doubtful: whether it may have been delivered by a process that could not say so any more.
    """

    entry: SpoolEntry
    start: int
    length: int
    doubtful: bool


class Spool:
    """One such file, locked. One thread adds entries at the end, others deliver them.

    How far the entries have been delivered is kept in the file, so that whoever takes over goes on there.
    """

    def __init__(self, path: Path, file: FileIO) -> None:
        """Take over a locked file: use `create` or `orphaned`."""
        self.path = path
        self._file, self._lock = file, threading.Lock()
        line = os.pread(file.fileno(), 1 << 16, 0).partition(b"\n")[0]
        head = json.loads(line)
        self.destination = Destination(head["uri"], head["experiment"])
        self._keeps_progress = "delivered" in head  # earlier versions of lrlab kept none
        # positions in the file: of the first entry, of the first that waits, after the last attempted, of the end
        self._start, self._end = len(line) + 1, file.seek(0, os.SEEK_END)
        self._read = min(self._start + head.get("delivered", 0), self._end)
        self._attempted = self._start + head["attempted"] if self._keeps_progress else self._end
        self._delivered: dict[int, int] = {}  # further ones: the start of each, and its length
        self._count = self._count_lines()

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
            file.write(_line(asdict(destination))[:-2] + PROGRESS.format(0, 0).encode())
            new.rename(path)  # locked and whole before anybody can see it
        except OSError as error:
            raise cannot_write(f"the spool {path}", error) from error
        return cls(path, file)

    @classmethod
    def orphaned(cls, folder: Path) -> Iterator[Self]:
        """Yield those that no process holds any more, oldest first."""
        for path in sorted(folder.glob("*.jsonl")):
            try:
                file = path.open("rb+", buffering=0)
            except FileNotFoundError:  # its holder has just finished with it
                continue
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                continue
            if os.fstat(file.fileno()).st_nlink == 0:
                file.close()
                continue
            yield cls(path, file)

    @property
    def empty(self) -> bool:
        return self._count == 0

    def __len__(self) -> int:
        """Return how many entries wait."""
        return self._count

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
            self._count += 1

    def waiting(self) -> list[Waiting]:
        """Return the first entries that wait, in order. They count as attempted from now on."""
        with self._lock:
            block = os.pread(self._file.fileno(), min(AT_ONCE, self._end - self._read), self._read)
            while b"\n" not in block and self._read + len(block) < self._end:
                left = self._end - self._read - len(block)
                block += os.pread(self._file.fileno(), min(AT_ONCE, left), self._read + len(block))
            found, start = list[Waiting](), self._read
            for line in block.splitlines(keepends=True):
                if line.endswith(b"\n") and start not in self._delivered:  # else its process was killed meanwhile
                    found.append(Waiting(json.loads(line), start, len(line), start < self._attempted))
                start += len(line)
            if found and found[-1].start >= self._attempted:
                self._attempted = found[-1].start + found[-1].length
                self._keep_progress()
            return found

    def remove(self, delivered: Sequence[Waiting]) -> None:
        """Remove entries, wherever they are; truncate the file when none is left."""
        with self._lock:
            self._delivered |= {each.start: each.length for each in delivered}
            self._count -= len(delivered)
            while self._read in self._delivered:
                self._read += self._delivered.pop(self._read)
            if self._read == self._end:
                os.ftruncate(self._file.fileno(), self._start)
                self._read = self._end = self._attempted = self._start
            self._keep_progress()

    def dead_letter(self, entry: SpoolEntry, reason: str) -> None:
        """Keep in a file beside this one an entry that its destination refuses."""
        with self._lock, self.path.with_suffix(".refused").open("ab") as file:
            file.write(_line({"reason": reason, **entry}))

    def close(self) -> None:
        """Close and unlock the file; delete it if nothing waits in it. Closing twice is fine."""
        if self._file.closed:
            return
        if self.empty:
            self.path.unlink(missing_ok=True)
        self._file.close()

    def _keep_progress(self) -> None:
        if self._keeps_progress:
            text = PROGRESS.format(self._read - self._start, self._attempted - self._start).encode()
            with suppress(OSError):  # on a full disk: what is delivered twice is recorded once
                os.pwrite(self._file.fileno(), text, self._start - len(text))

    def _count_lines(self) -> int:
        count, position = 0, self._read
        while block := os.pread(self._file.fileno(), 1 << 20, position):
            count, position = count + block.count(b"\n"), position + len(block)
        return count


def _line(entry: SpoolEntry) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode() + b"\n"
