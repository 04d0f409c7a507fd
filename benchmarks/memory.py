"""Memory of running processes as Linux accounts for it; a page that n processes share counts 1/n in each."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PROC = Path("/proc")


@dataclass
class Peaks:
    """The largest memory seen of each process in a tree.

    Attributes:
        shared: the folder of the data, whose mapped files do not count: the system may take them back at any time.
        bytes: by process id.
        workers: those that map the data.
    """

    shared: Path
    bytes: dict[int, int] = field(default_factory=dict)
    workers: set[int] = field(default_factory=set)

    @property
    def largest(self) -> float:
        """Of all processes, in megabytes."""
        return max(self.bytes.values()) / 1e6

    @property
    def largest_worker(self) -> float:
        return max(self.bytes[pid] for pid in self.workers) / 1e6

    @property
    def all_workers(self) -> float:
        return sum(self.bytes[pid] for pid in self.workers) / 1e6

    def look(self, root: int) -> None:
        """Look at a process and its descendants now."""
        for pid in tree(root):
            with suppress(OSError):  # it ended meanwhile
                counted, maps_shared = proportional(PROC / str(pid) / "smaps", self.shared)
                self.bytes[pid] = max(self.bytes.get(pid, 0), counted)
                if maps_shared:
                    self.workers.add(pid)


def tree(root: int) -> Iterator[int]:
    """The process ids of a process and its descendants."""
    yield root
    for children in (PROC / str(root) / "task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                yield from tree(int(child))


def proportional(smaps: Path, shared: Path) -> tuple[int, bool]:
    """Bytes of a process's mappings but for the files below a folder, and whether it maps any of those."""
    counted, counts, maps_shared = 0, True, False
    for line in smaps.read_text().splitlines():
        first, _, rest = line.partition(" ")
        if not first.endswith(":"):  # a mapping: address, mode, offset, device, inode, path
            counts = not rest.partition("/")[2].startswith(f"{shared}/"[1:])
            maps_shared |= not counts
        elif first == "Pss:" and counts:
            counted += 1024 * int(rest.split()[0])
    return counted, maps_shared
