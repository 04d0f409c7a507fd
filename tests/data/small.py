"""What a small data set in an official format is, and drawing one."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lrlab.data.spec import DatasetSpec
from lrlab.data.verified_files import FileSpec


@dataclass(frozen=True)
class Sample:
    """A small image set, a folder with its files, and what is in them: (N, H, W, channels) and (N,) uint8."""

    images: DatasetSpec
    folder: Path
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]


def describe(folder: Path, names: Sequence[str]) -> tuple[FileSpec, ...]:
    contents = {name: (folder / name).read_bytes() for name in names}
    return tuple(FileSpec(name, len(c), hashlib.md5(c).hexdigest()) for name, c in contents.items())


def drawn(images: int, shape: tuple[int, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (images, *shape), np.uint8)
    return pixels, random.integers(0, 10, images, np.uint8)
