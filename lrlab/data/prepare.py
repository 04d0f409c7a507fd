"""The preparation of the arrays that training maps into memory, from official files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from lrlab.data.cache import Manifest
from lrlab.data.spec import DatasetSpec, LabelledImages
from lrlab.data.standardize import BLOCK, Moments, standardized
from lrlab.data.verified_files import Watch, atomic_write, do_nothing


def prepare(images: DatasetSpec, folder: Path, watch: Watch = do_nothing) -> None:
    """Write the standardized images (N, D) float32 and labels (N,) uint8 as .npy files, then the manifest.

    Mean and standard deviation are those of all training images. Each file appears whole or not at all; the
    manifest, without which nothing can be opened, comes last.
    """
    train, test = images.decode(folder)
    moments = Moments.of(train.pixels)
    done, total = 0, len(train.pixels) + len(test.pixels)

    def advance(rows: int) -> None:
        nonlocal done
        done += rows
        watch("standardize", done, total)

    for split, part in ("train", train), ("test", test):
        write_rows(folder / f"x_{split}.npy", part, moments, advance)
        with atomic_write(folder / f"y_{split}.npy") as stream:
            np.save(stream, np.ascontiguousarray(part.labels), allow_pickle=False)
    Manifest.of(images, folder).write(folder)


def write_rows(path: Path, images: LabelledImages, moments: Moments, advance: Callable[[int], None]) -> None:
    """Standardize block by block into a .npy file.

    The blocks are written, not assigned to a memory map: on a full disk that is an error, not a crash.
    """
    count, *shape = images.pixels.shape
    header = {"descr": "<f4", "fortran_order": False, "shape": (count, int(np.prod(shape)))}
    with atomic_write(path) as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for start in range(0, count, BLOCK):
            rows = standardized(images.pixels[start : start + BLOCK], moments)
            stream.write(rows.astype("<f4", copy=False).data)
            advance(len(rows))
