"""Files of known content: checked while they are written, put in place whole or not at all."""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from lrlab.errors import InputError

BLOCK = 1 << 20  # bytes read at a time

Watch = Callable[[str, int, int], None]  # called with the name of some work, how much is done, how much there is


def do_nothing(work: str, done: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class FileSpec:
    """A file as its publisher describes it: name, size in bytes, md5 (hex)."""

    name: str
    size: int
    md5: str


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Write under a temporary name, which becomes `path` when the block ends without an error."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with partial.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def copy_verified(stream: IO[bytes], spec: FileSpec, folder: Path, watch: Watch = do_nothing) -> None:
    """Copy `stream` to `folder/spec.name` if it has exactly the content that `spec` describes.

    Never reads more than one byte past `spec.size`.

    Raises:
        InputError: size or md5 differ; nothing is left in the folder.
    """
    digest, left = hashlib.md5(usedforsecurity=False), spec.size
    with atomic_write(folder / spec.name) as target:
        while block := stream.read(min(BLOCK, left + 1)):
            left -= len(block)
            if left < 0:
                raise InputError(f"{spec.name} is larger than its {spec.size} bytes")
            digest.update(block)
            target.write(block)
            watch(spec.name, spec.size - left, spec.size)
        if left:
            raise InputError(f"{spec.name} is truncated: {spec.size - left} bytes, expected {spec.size}")
        if digest.hexdigest() != spec.md5:
            raise InputError(f"{spec.name} is altered: md5 {digest.hexdigest()}, expected {spec.md5}")


def is_intact(spec: FileSpec, folder: Path) -> bool:
    """Return whether `folder` holds the file with the size and md5 of `spec`."""
    path = folder / spec.name
    if not path.is_file() or path.stat().st_size != spec.size:
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest() == spec.md5
