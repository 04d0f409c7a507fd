"""MNIST in its official IDX format: LeCun, Cortes and Burges (1998)."""

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lrlab.data.fetched import FetchedDataset
from lrlab.data.spec import DatasetSpec, LabelledImages
from lrlab.data.split import ValidationSize
from lrlab.data.verified_files import FileSpec


def decode(folder: Path) -> tuple[LabelledImages, LabelledImages]:
    """Read the training and test images of the four IDX files in `folder`."""
    train, test = (
        LabelledImages(
            read_idx(folder / f"{split}-images-idx3-ubyte.gz")[..., np.newaxis],
            read_idx(folder / f"{split}-labels-idx1-ubyte.gz"),
        )
        for split in ("train", "t10k")
    )
    return train, test


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read a gzipped IDX file: two zeros, type 8 (bytes), number of axes, their lengths (big-endian), the bytes.

    Raises:
        ValueError: not such a file, or not as many bytes as the axes say.
    """
    content = gzip.decompress(path.read_bytes())
    zeros, kind, axes = struct.unpack_from(">HBB", content)
    if (zeros, kind) != (0, 8):
        raise ValueError(f"{path} is not an IDX file of bytes")
    shape = struct.unpack_from(f">{axes}I", content, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


MNIST = DatasetSpec(
    name="mnist",
    classes=tuple("0123456789"),
    image_shape=(28, 28, 1),
    train_images=60_000,
    test_images=10_000,
    files=(
        FileSpec("train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        FileSpec("train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
        FileSpec("t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
        FileSpec("t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
    hosts=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    license="CC BY-SA 3.0",
    decode=decode,
)


@dataclass(frozen=True)
class Mnist(FetchedDataset):
    """70,000 images of 28 x 28 pixels."""

    spec: ClassVar[DatasetSpec] = MNIST

    validation: ValidationSize = 6000
