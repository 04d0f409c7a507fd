"""Checkpoints: where a training can go on after its process has died, to the bit.

A file is an `.npz` archive followed by the SHA-256 of it. It is written beside the one before, which is kept until
the next: a file that is torn or altered is noticed, and the other one is there.
"""

import fcntl
import hashlib
import io
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, runtime_checkable

import numpy as np

from lrlab.errors import InputError, cannot_write
from lrlab.runs.history import MetricHistory
from lrlab.training.experiment import Member, Population

Array = np.ndarray

log = logging.getLogger(__name__)

INTERVAL = 60.0  # seconds of training that may be lost
DIGEST = hashlib.sha256().digest_size
METADATA = "metadata"  # the array that holds everything but arrays, as JSON


@runtime_checkable
class Resumable(Protocol):
    """A member whose training can go on elsewhere."""

    first_epoch: int
    epoch: int
    t: int

    def state_dict(self) -> dict[str, Array]:
        """Return the arrays from which it goes on, not copies."""


@dataclass(frozen=True)
class Checkpoint:
    """A member between two epochs.

    Attributes:
        width, slot, microbatch: slot and shapes; needed for bit-identical rounding.
        first_epoch, epoch, t: as the member has them.
        history: its metrics so far.
        arrays: the member's parameters and optimizer state.
    """

    width: int
    slot: int
    microbatch: int
    first_epoch: int
    epoch: int
    t: int
    history: MetricHistory
    arrays: Mapping[str, Array]

    @property
    def shuffles(self) -> int:
        """Return how many epochs its population had made."""
        return self.first_epoch + self.epoch

    def restore(self, member: Member) -> None:
        """Put a member that was just admitted to the same place where this one was."""
        if not isinstance(member, Resumable):
            raise TypeError(f"{type(member).__name__} cannot be resumed")
        for name, array in member.state_dict().items():
            array[...] = self.arrays[name]
        member.first_epoch, member.epoch, member.t = self.first_epoch, self.epoch, self.t


def folder(outputs: str) -> Path:
    """Return the folder of all checkpoints in an output directory."""
    return Path(outputs) / "checkpoints"


def save(folder: Path, name: str, population: Population, member: Member, history: MetricHistory) -> None:
    """Write a checkpoint, if the member can be resumed.

    Raises:
        InputError: the folder cannot be written; older checkpoints are as they were.
    """
    if not isinstance(member, Resumable):
        return
    metadata = {
        "width": population.width,
        "slot": member.slot,
        "microbatch": population.microbatch,
        "first_epoch": member.first_epoch,
        "epoch": member.epoch,
        "t": member.t,
        "history": history.points,
    }
    buffer = io.BytesIO()
    text = np.frombuffer(json.dumps(metadata).encode(), np.uint8)
    np.savez(buffer, allow_pickle=False, **{METADATA: text}, **member.state_dict())
    content = buffer.getvalue()
    latest, before, new = _files(folder, name)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with new.open("wb") as file:
            file.write(content + hashlib.sha256(content).digest())
            file.flush()
            os.fsync(file.fileno())
        if latest.exists():
            latest.replace(before)
        new.replace(latest)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise cannot_write(f"the checkpoint {new}", error) from error


@contextmanager
def exclusive(folder: Path, name: str) -> Iterator[None]:
    """Keep other processes from training this one, too; the lock ends with its holder.

    Raises:
        InputError: another process does, or the folder cannot be written.
    """
    path = _files(folder, name)[0].with_suffix(".lock")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = _locked(path)
    except BlockingIOError:
        raise InputError(f"run {name} is being resumed by another process") from None
    except OSError as error:
        raise cannot_write(f"the checkpoints in {folder}", error) from error
    with file:
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _locked(path: Path) -> IO[bytes]:
    """Return a file that this process alone holds.

    Raises:
        BlockingIOError: another process holds it.
    """
    while True:
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise
        if os.fstat(file.fileno()).st_nlink:  # 0: its holder has just finished with it
            return file
        file.close()


def load(folder: Path, name: str) -> Checkpoint | None:
    """Return the latest sound checkpoint, if there is one; log every file that cannot be used."""
    latest, before, _ = _files(folder, name)
    for path in (latest, before):
        if path.exists():
            try:
                return _read(path)
            except InputError as error:
                log.warning("%s", error)
    return None


def discard(folder: Path, name: str) -> None:
    """Remove the checkpoints of a training that is over."""
    for path in _files(folder, name):
        path.unlink(missing_ok=True)


def _read(path: Path) -> Checkpoint:
    whole = path.read_bytes()
    content, digest = whole[:-DIGEST], whole[-DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        raise InputError(f"checkpoint {path} is damaged: its SHA-256 is another one")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    if METADATA not in arrays:
        raise InputError(f"checkpoint {path} was written by an earlier version of lrlab")
    metadata: dict[str, Any] = json.loads(arrays.pop(METADATA).tobytes())
    points = metadata.pop("history")
    history = MetricHistory({name: [(int(epoch), value) for epoch, value in each] for name, each in points.items()})
    return Checkpoint(**metadata, history=history, arrays=arrays)


def _files(folder: Path, name: str) -> tuple[Path, Path, Path]:
    if not re.fullmatch(r"[\w-]+", name):  # as it stands in a study that came from somebody else
        raise InputError(f"run_id must be a run's, got {name!r}")
    return folder / f"{name}.npz", folder / f"{name}.before.npz", folder / f"{name}.new"
