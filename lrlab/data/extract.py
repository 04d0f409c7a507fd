"""The extraction of expected files, and of nothing else, from a directory or a tar archive."""

import io
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from lrlab.data.verified_files import FileSpec, Watch, copy_verified, do_nothing
from lrlab.errors import InputError

DAMAGED = (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class Entry:
    """A regular file in a directory or an archive. Its own path is never used to write."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]


def entries(origin: Path) -> Iterator[Entry]:
    """Yield the regular files in (or below) a directory, or in a tar archive, compressed or not.

    An archive is read front to back; an entry can only be opened before the next one is asked for. Links,
    devices and members whose path is absolute or climbs with `..` are passed over.
    """
    if origin.is_dir():
        for path in sorted(origin.rglob("*")):
            if path.is_file():
                yield Entry(path.name, path.stat().st_size, partial(io.FileIO, path))
        return
    with tarfile.open(origin, "r|*") as archive:
        for member in archive:
            inside = PurePosixPath(member.name)
            if member.isreg() and not inside.is_absolute() and ".." not in inside.parts:
                yield Entry(inside.name, member.size, partial(_extract, archive, member))


def file_names(origin: Path) -> set[str]:
    """Return the names of the regular files in a directory or archive.

    Raises:
        InputError: neither a directory nor a readable tar archive.
    """
    try:
        return {entry.name for entry in entries(origin)}
    except DAMAGED as error:
        raise InputError(f"{origin} is neither a directory nor an intact tar archive: {error}") from error


def extract(origin: Path, files: Sequence[FileSpec], folder: Path, watch: Watch = do_nothing) -> None:
    """Copy the files of the table from `origin` to `folder`, each one whole, checked and by its plain name.

    Raises:
        InputError: a file is missing, truncated, too large or altered, or the archive is damaged.
    """
    wanted = {spec.name: spec for spec in files}
    sizes: dict[str, int] = {}
    try:
        for entry in entries(origin):
            spec = wanted.get(entry.name)
            if spec is None:
                continue
            sizes[entry.name] = entry.size
            if entry.size == spec.size:
                with entry.open() as stream:
                    copy_verified(stream, wanted.pop(spec.name), folder)
                watch("check files", len(files) - len(wanted), len(files))
            if not wanted:
                return
    except InputError as error:
        raise InputError(f"{origin}: {error}") from error
    except DAMAGED as error:
        raise InputError(f"{origin} cannot be read or {folder} cannot be written: {error}") from error
    for name, spec in wanted.items():
        if name in sizes:
            raise InputError(f"{origin}: {name} has {sizes[name]} bytes, expected {spec.size}")
        raise InputError(f"{origin} holds no file {name}")


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member)
    assert stream is not None  # only None for members that are no files
    return stream
