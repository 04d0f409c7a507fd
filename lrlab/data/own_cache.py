"""The arrays that are prepared from a user's files, in lrlab's cache folder: what training maps into memory.

An entry is named after the content of the files and the settings it was prepared with, so that it is never out of date,
and a file that has moved finds it again. It is built beside its place, and appears there whole or not at all.
"""

import hashlib
import json
import logging
import math
import mmap
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrlab.data.cache import FileDigest, folder_of
from lrlab.data.columns import Column
from lrlab.data.dataset import Rows
from lrlab.data.encoding import Encoding
from lrlab.data.standardize import Moments
from lrlab.errors import InputError

log = logging.getLogger(__name__)

FORMAT = 1  # of an entry; to be raised when the same files are prepared otherwise
NUMBERS_AT_A_TIME = 1 << 20  # held in memory while preparing
LARGE = 100 << 20  # bytes that take so long that a line says it
DESCRIPTION = "description.json"
ARRAYS = ("x.npy", "y.npy", "x_test.npy", "y_test.npy", "parts.npy", "example.npy")

Parts = NDArray[np.int8]
TRAIN, VALIDATION, TEST = map(np.int8, range(3))


class SourceFile(NamedTuple):
    """A file of samples, and which of them it holds, such as those of a class for the test."""

    part: str
    path: Path


@dataclass(frozen=True)
class Samples:
    """Samples as they were given.

    x: (N, *shape) of real numbers; a file in the scratch folder if they are many.
    y: (N,) classes.
    parts: (N,) TRAIN, VALIDATION or TEST.
    x_test, y_test: further samples, of the test alone.
    image_shape: (H, W, channels); () if they are no images.
    example: the first sample, as a registered model takes it; None: x[:1].
    """

    x: NDArray[Any]
    y: Rows
    parts: Parts
    classes: Sequence[str]
    encoding: Encoding
    x_test: NDArray[Any] | None = None
    y_test: Rows | None = None
    image_shape: tuple[int, ...] = ()
    example: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Description:
    """What is known of prepared arrays beside their values; mean and std (C,) are those of the channels."""

    classes: tuple[str, ...]
    image_shape: tuple[int, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    columns: tuple[Column, ...]
    example: Mapping[str, Any] | None
    files: Mapping[str, FileDigest] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Description":
        content = json.loads((folder / DESCRIPTION).read_bytes())
        lists = {key: tuple(content[key]) for key in ("classes", "image_shape", "mean", "std")}
        columns = tuple(Column(**(each | {"categories": tuple(each["categories"])})) for each in content["columns"])
        files = {name: FileDigest(**each) for name, each in content["files"].items()}
        return cls(**content | lists | {"columns": columns, "files": files})


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
            _build_in_place(folder, read)
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


def build(samples: Samples, folder: Path) -> None:
    """Write the arrays of an entry and its description: standardized by the training part alone.

    Raises:
        InputError: the training part lacks a class, or numbers are too far from those of the training part.
    """
    learn, test = samples.parts != TEST, samples.parts == TEST
    train, encoding = samples.parts == TRAIN, samples.encoding
    seen = np.bincount(samples.y[train], minlength=len(samples.classes))
    if not seen.all():
        name = samples.classes[int(seen.argmin())]
        raise InputError(f"data.split_seed must leave a sample of each class to learn from, there is none of {name!r}")
    moments = Moments.of_rows(
        (rows.reshape(-1, encoding.channels) for rows in _blocks(samples.x, train, encoding)), encoding.channels
    )
    moments, fill, columns = encoding.complete(moments)
    width = encoding.rows(samples.x[:1]).shape[1]
    parts = [(samples.x, learn, "x.npy")]
    y_test = samples.y[test]
    if samples.x_test is None or samples.y_test is None:
        parts.append((samples.x, test, "x_test.npy"))
    else:
        y_test = samples.y_test
        parts.append((samples.x_test, np.ones(len(y_test), bool), "x_test.npy"))
    repeats = width // encoding.channels
    mean, std, fills = (np.tile(each, repeats) for each in (moments.mean, moments.std, fill))
    for x, mask, file in parts:
        with (folder / file).open("xb") as stream:
            header = {"descr": "<f4", "fortran_order": False, "shape": (int(mask.sum()), width)}
            np.lib.format.write_array_header_1_0(stream, header)
            for rows in _blocks(x, mask, encoding):
                rows = np.where(np.isnan(rows), fills, rows)
                with np.errstate(over="ignore"):
                    standardized = ((rows - mean) / std).astype("<f4")
                if not np.isfinite(standardized).all():
                    raise InputError(
                        "data.path must hold numbers that are finite in float32 once standardized: some are too large"
                    )
                stream.write(standardized.data)
    np.save(folder / "y.npy", samples.y[learn], allow_pickle=False)
    np.save(folder / "y_test.npy", y_test, allow_pickle=False)
    np.save(folder / "parts.npy", samples.parts[learn], allow_pickle=False)
    np.save(folder / "example.npy", samples.x[:1], allow_pickle=False)
    description = Description(
        classes=tuple(samples.classes),
        image_shape=samples.image_shape,
        mean=tuple(moments.mean.tolist()),
        std=tuple(moments.std.tolist()),
        columns=columns,
        example=samples.example,
    )
    described = replace(description, files={name: FileDigest.of(folder / name) for name in ARRAYS})
    (folder / DESCRIPTION).write_text(json.dumps(asdict(described), indent=2), encoding="utf-8")


def _blocks(x: NDArray[Any], mask: NDArray[np.bool_], encoding: Encoding) -> Iterator[NDArray[np.float64]]:
    """Yield the rows of some samples, a few at a time: so many whatever the file was, for sums to round alike."""
    size = max(1, NUMBERS_AT_A_TIME // max(1, math.prod(x.shape[1:]), encoding.channels))
    for start in range(0, len(x), size):
        chosen = mask[start : start + size]
        if chosen.any():
            yield encoding.rows(np.asarray(x[start : start + size])[chosen])
        unmap_read(x)


def unmap_read(x: NDArray[Any]) -> None:
    """Give the memory back that reading a mapped array took; it is read from the file again when it is needed."""
    if isinstance(x, np.memmap) and isinstance(x.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        x.base.madvise(mmap.MADV_DONTNEED)
