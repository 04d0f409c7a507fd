"""The known data sets, and which of them are on this machine."""

from dataclasses import dataclass
from pathlib import Path

from lrlab.data import cache, digits
from lrlab.data.cifar10 import CIFAR10
from lrlab.data.mnist import MNIST
from lrlab.data.spec import DatasetSpec
from lrlab.errors import InputError

DATASETS = {images.name: images for images in (CIFAR10, MNIST)}


@dataclass(frozen=True)
class DatasetInfo:
    """A data set: what it is, where it lies, how many bytes it takes there."""

    name: str
    images: int
    classes: int
    fetched: bool
    path: str
    bytes: int
    license: str
    source: str


def available(root: str | None = None) -> list[DatasetInfo]:
    """Return a row for each data set. `fetched` means complete with the right sizes; the content is not read."""
    return [_digits(), *(_row(images, root) for images in DATASETS.values())]


def _digits() -> DatasetInfo:
    path = digits.csv_path()
    return DatasetInfo(
        name="digits",
        images=digits.COUNT,
        classes=len(digits.CLASSES),
        fetched=True,  # comes with scikit-learn
        path=str(path),
        bytes=_size(path),
        license="CC BY 4.0",
        source="https://archive.ics.uci.edu/dataset/80, as packaged by scikit-learn",
    )


def _row(images: DatasetSpec, root: str | None) -> DatasetInfo:
    folder = cache.folder_of(images.name, root)
    try:
        cache.open_verified(images, root)
        fetched = True
    except InputError:
        fetched = False
    return DatasetInfo(
        name=images.name,
        images=images.train_images + images.test_images,
        classes=len(images.classes),
        fetched=fetched,
        path=str(folder),
        bytes=sum(map(_size, folder.glob("*"))),
        license=images.license,
        source=images.hosts[0],
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
