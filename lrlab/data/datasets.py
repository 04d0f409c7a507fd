"""The data sets as a configuration names them, and as training sees them."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrlab.config import validation
from lrlab.data import cache, digits
from lrlab.data.cifar10 import CIFAR10
from lrlab.data.mnist import MNIST
from lrlab.data.spec import DatasetSpec
from lrlab.data.standardize import Moments, standardized
from lrlab.errors import InputError

Rows = NDArray[np.intp]
Images = tuple[NDArray[Any], NDArray[Any]]  # for training and validation (N, D), and for the test


@dataclass(frozen=True, eq=False)
class Dataset:
    """Standardized images, who may learn from which, and where they come from. The arrays are read-only.

    x: (N, D) float32, the images for training and validation, one a row. A memory map if it is large.
    y: (N,) classes.
    train, validation: rows of x, disjoint, ascending.
    x_test, y_test: as x and y; only the final evaluation looks at them.
    image_shape: (H, W, channels), to which a row reshapes.
    load_raw_images: reads the images as they were published, in the order of x and x_test.
    files_digest: names the content of x, y, x_test and y_test where they are large and were hashed when they were
        written; None: hash the arrays.
    """

    name: str
    x: NDArray[np.float32]
    y: Rows
    train: Rows
    validation: Rows
    x_test: NDArray[np.float32]
    y_test: Rows
    classes: tuple[str, ...]
    image_shape: tuple[int, ...]
    load_raw_images: Callable[[], Images] | None = None
    files_digest: str | None = None

    def __post_init__(self) -> None:
        for array in (self.x, self.y, self.train, self.validation, self.x_test, self.y_test):
            array.flags.writeable = False

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over what is trained on: the arrays after standardization, and the split.

        Of every array count dtype, shape and bytes. Two data sets with one digest train alike.
        """
        images = self.files_digest or array_digest(self.x, self.y, self.x_test, self.y_test)
        return hashlib.sha256((images + array_digest(self.train, self.validation)).encode()).hexdigest()

    def pixels(self) -> Images:
        """Rows of whole pixels, uint8, in the order of x and x_test; these themselves where there are no pixels."""
        return self.load_raw_images() if self.load_raw_images else (self.x, self.x_test)


def array_digest(*arrays: NDArray[Any]) -> str:
    """Return the SHA-256 (hex) over dtype, shape and bytes of the arrays."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Split:
    """Which of `count` images are kept for validation, and how many others are learned from (None: all).

    Raises:
        InputError: a size or the seed is out of range.
    """

    count: int
    validation: int
    seed: int
    train_size: int | None

    def __post_init__(self) -> None:
        validation.integer("data.validation", self.validation, at_least=1, at_most=self.count - 1)
        validation.integer("data.split_seed", self.seed, at_least=0)
        if self.train_size is not None:
            most = self.count - self.validation
            validation.integer("data.train_size", self.train_size, at_least=1, at_most=most)

    def rows(self) -> tuple[Rows, Rows]:
        """Training and validation rows, ascending.

        The validation rows do not depend on `train_size`, and a smaller training set is part of a larger one.
        """
        order = np.random.default_rng(self.seed).permutation(self.count)
        held_out, rest = np.split(order, [self.validation])
        return np.sort(rest[: self.train_size]), np.sort(held_out)


@dataclass(frozen=True)
class Digits:
    """1797 images of 8 x 8 pixels that come with scikit-learn: nothing to fetch. The seed picks the test too.

    Raises:
        InputError: a size or the seed is out of range.
    """

    test: int = 360
    validation: int = 360
    split_seed: int = 0
    train_size: int | None = None

    def __post_init__(self) -> None:
        validation.integer("data.test", self.test, at_least=1, at_most=digits.COUNT - 2)
        self.split()

    def split(self) -> Split:
        return Split(digits.COUNT - self.test, self.validation, self.split_seed, self.train_size)

    def verify(self) -> None:
        """Refuse a missing or altered file; so does `load`, for the file is small."""
        digits.read()

    def load(self) -> Dataset:
        images = digits.read()
        order = np.random.default_rng(self.split_seed).permutation(digits.COUNT)
        test, learn = np.sort(order[: self.test]), np.sort(order[self.test :])
        moments = Moments.of(images.pixels[learn])
        x, y = standardized(images.pixels, moments), images.labels.astype(np.intp)
        train, validation = self.split().rows()
        return Dataset(
            name="digits",
            x=x[learn],
            y=y[learn],
            train=train,
            validation=validation,
            x_test=x[test],
            y_test=y[test],
            classes=digits.CLASSES,
            image_shape=images.pixels.shape[1:],
            load_raw_images=lambda: (_rows(images.pixels[learn]), _rows(images.pixels[test])),
        )


@dataclass(frozen=True)
class Cifar10:
    """60,000 color images of 32 x 32 pixels, once fetched.

    Raises:
        InputError: a size or the seed is out of range, or `root` is no path.
    """

    root: str | None = None
    validation: int = 5000
    split_seed: int = 0
    train_size: int | None = None

    def __post_init__(self) -> None:
        _check_root(self.root)
        self.split()

    def split(self) -> Split:
        return Split(CIFAR10.train_images, self.validation, self.split_seed, self.train_size)

    def verify(self) -> None:
        """Read everything that was fetched and refuse what was altered: once, before the first trial."""
        cache.verify(CIFAR10, self.root)

    def load(self) -> Dataset:
        return fetched(CIFAR10, self.root, self.split())


@dataclass(frozen=True)
class Mnist:
    """70,000 images of 28 x 28 pixels, once fetched.

    Raises:
        InputError: a size or the seed is out of range, or `root` is no path.
    """

    root: str | None = None
    validation: int = 6000
    split_seed: int = 0
    train_size: int | None = None

    def __post_init__(self) -> None:
        _check_root(self.root)
        self.split()

    def split(self) -> Split:
        return Split(MNIST.train_images, self.validation, self.split_seed, self.train_size)

    def verify(self) -> None:
        """Read everything that was fetched and refuse what was altered: once, before the first trial."""
        cache.verify(MNIST, self.root)

    def load(self) -> Dataset:
        return fetched(MNIST, self.root, self.split())


def fetched(images: DatasetSpec, root: str | None, split: Split) -> Dataset:
    """Map a fetched data set into memory: all processes on a machine share one copy.

    Raises:
        InputError: not fetched, or a file is missing or truncated. The content is `cache.verify`'s business.
    """
    folder, manifest = cache.open_verified(images, root)
    arrays = (np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in cache.ARRAYS)
    x, y, x_test, y_test = arrays
    train, validation = split.rows()

    def published() -> Images:
        learn, test = images.decode(folder)
        return _rows(learn.pixels), _rows(test.pixels)

    return Dataset(
        name=images.name,
        x=x,
        y=y.astype(np.intp),
        train=train,
        validation=validation,
        x_test=x_test,
        y_test=y_test.astype(np.intp),
        classes=images.classes,
        image_shape=images.image_shape,
        load_raw_images=published,
        files_digest=manifest.arrays_digest,
    )


def _rows(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels.reshape(len(pixels), -1)


def _check_root(root: object) -> None:
    if root is not None and not isinstance(root, str):
        raise InputError(f"data.root must be null or the path of a folder, got {root!r}")
