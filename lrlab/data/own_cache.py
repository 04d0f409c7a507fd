"""The arrays that are prepared from a user's files, in lrlab's cache folder: what training maps into memory.

An entry is named after the content of the files and the settings it was prepared with, so that it is never out of date,
and a file that has moved finds it again. It is built beside its place, and appears there whole or not at all.
"""

import hashlib
import json
import logging
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrlab.data.cache import folder_of
from lrlab.data.dataset import Rows
from lrlab.data.file_digest import FileDigest
from lrlab.data.own_arrays import ARRAYS, Description, Parts, Samples, build
from lrlab.errors import InputError

log = logging.getLogger(__name__)

FORMAT = 1  # of an entry; to be raised when the same files are prepared otherwise
LARGE = 100 << 20  # bytes that take so long that a line says it


class SourceFile(NamedTuple):
    """A file of samples, and which of them it holds, such as those of a class for the test."""

    part: str
    path: Path


@dataclass(frozen=True)
class Prepared:
    """Prepared arrays.

    x: (N, D) float32, standardized, of the training and validation; y: (N,); parts: (N,) TRAIN or VALIDATION.
    x_test, y_test: as x and y.
    example: a sample as it was given: (1, *shape), or a value for each column.
    digest: SHA-256 (hex) over x, y, x_test and y_test.
    """

    description: Description
    x: NDArray[np.float32]
    y: Rows
    parts: Parts
    x_test: NDArray[np.float32]
    y_test: Rows
    example: Any
    digest: str


def forget() -> None:
    """Forget the content of all files: they are read again when they are asked for."""
    _sha256.cache_clear()


def prepare(
    kind: str,
    settings: Mapping[str, Any],
    files: Sequence[SourceFile],
    read: Callable[[Path], Samples],
    *,
    verify: bool,
) -> Prepared:
    """Return what is prepared from files, and prepare it if it is not there yet.

    Args:
        kind, settings: what decides, beside the files, how they are prepared.
        read: reads them, given a scratch folder.
        verify: whether to read all of what was prepared before, and prepare it anew if it was altered.

    Raises:
        InputError: of `read`; or the cache folder cannot be written.
    """
    name = _name(kind, settings, files)
    folder = folder_of("own") / name
    try:
        description = _open(folder, verify=verify)
        if description is None:
            size = sum(file.path.stat().st_size for file in files)
            if size > LARGE:
                log.info("preparing %.1f GB of data, once, in %s", size / 1e9, folder)

            def read_unchanged(scratch: Path) -> Samples:
                samples = read(scratch)
                if _name(kind, settings, files) != name:
                    raise InputError(f"data file {files[0].path} or another of the data has changed while it was read")
                return samples

            _build_in_place(folder, read_unchanged)
            description = _open(folder, verify=False)
            if description is None:
                raise InputError(f"data that was prepared in {folder} is gone or altered: try again")
        arrays = (np.load(folder / each, mmap_mode="r", allow_pickle=False) for each in ARRAYS)
        x, y, x_test, y_test, parts, example = arrays
    except OSError as error:
        raise InputError(f"data cannot be prepared in {folder}: {error.strerror or error}") from error
    digest = hashlib.sha256("".join(description.files[each].sha256 for each in ARRAYS[:4]).encode()).hexdigest()
    shown = example if description.example is None else description.example
    return Prepared(description, x, np.array(y), np.array(parts), x_test, np.array(y_test), shown, digest)


def _name(kind: str, settings: Mapping[str, Any], files: Sequence[SourceFile]) -> str:
    content = []
    for part, path in files:
        try:
            stat = path.stat()
            content.append([part, _sha256(path, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)])
        except OSError as error:
            raise InputError(f"data file {path} cannot be read: {error.strerror}") from error
    key = json.dumps([FORMAT, kind, settings, content], sort_keys=True)
    return hashlib.sha256(key.encode()).hexdigest()[:32]


@lru_cache(maxsize=1 << 20)
def _sha256(path: Path, *stat: int) -> str:
    """Return the SHA-256 (hex) of a file; once in a process, as long as its status is the same."""
    return FileDigest.of(path).sha256


def _open(folder: Path, *, verify: bool) -> Description | None:
    """Return the description of an entry; None if there is no sound one."""
    try:
        description = Description.read(folder)
        for name in ARRAYS:
            expected, path = description.files[name], folder / name
            if path.stat().st_size != expected.size or (verify and FileDigest.of(path) != expected):
                return None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return description


def _build_in_place(folder: Path, read: Callable[[Path], Samples]) -> None:
    """Build an entry beside its place, and put it there, unless another process was faster."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    built, scratch = (folder.parent / f".{folder.name}.{secrets.token_hex(4)}{end}" for end in ("", ".scratch"))
    try:
        built.mkdir()
        scratch.mkdir()
        build(read(scratch), built)
        if _open(folder, verify=True) is None:
            shutil.rmtree(folder, ignore_errors=True)
            try:
                built.rename(folder)
            except OSError:
                if _open(folder, verify=True) is None:
                    raise
    finally:
        for each in (built, scratch):
            shutil.rmtree(each, ignore_errors=True)
