"""The arrays that are trained on, built from samples as they were given, a few of them at a time."""

import json
import math
import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.data.columns import Column
from lrlab.data.dataset import Rows
from lrlab.data.encoding import Encoding
from lrlab.data.file_digest import FileDigest
from lrlab.data.standardize import Moments
from lrlab.errors import InputError

NUMBERS_AT_A_TIME = 1 << 20  # held in memory
DESCRIPTION = "description.json"
ARRAYS = ("x.npy", "y.npy", "x_test.npy", "y_test.npy", "parts.npy", "example.npy")

Parts = NDArray[np.int8]
TRAIN, VALIDATION, TEST = map(np.int8, range(3))


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
