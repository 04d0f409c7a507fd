"""The 8 x 8 digits that come with scikit-learn: the test part of UCI's optdigits (Alpaydin, Kaynak 1998)."""

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import numpy as np
from annotated_types import Interval

from lrlab.core.random_streams import stream
from lrlab.data.dataset import Dataset, as_rows
from lrlab.data.spec import LabelledImages
from lrlab.data.split import Split, SplitSeed, TrainSize, ValidationSize
from lrlab.data.standardize import Moments, standardized
from lrlab.errors import InputError

COUNT = 1797
CLASSES = tuple("0123456789")
SIDE = 8
# over the pixels, then the labels, as bytes
SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


@dataclass(frozen=True)
class Digits:
    """1797 images of 8 x 8 pixels that come with scikit-learn: nothing to fetch. The seed picks the test too."""

    test: Annotated[int, Interval(ge=1, le=COUNT - 2)] = 360
    validation: ValidationSize = 360
    split_seed: SplitSeed = 0
    train_size: TrainSize = None

    def split(self) -> Split:
        return Split(COUNT - self.test, self.validation, self.split_seed, self.train_size)

    def verify(self) -> None:
        """Refuse a missing or altered file; so does `load`, for the file is small."""
        read()

    def load(self) -> Dataset:
        images = read()
        order = stream(self.split_seed, "test").permutation(COUNT)
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
            classes=CLASSES,
            image_shape=images.pixels.shape[1:],
            moments=lambda: moments,
            load_raw_images=lambda: (as_rows(images.pixels[learn]), as_rows(images.pixels[test])),
        )


def csv_path() -> Path:
    """Return where scikit-learn keeps the digits, without importing it: that takes a second and a half."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise InputError("data digits needs scikit-learn; run: pip install scikit-learn")
    return Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"


def read() -> LabelledImages:
    """Read the 1797 images: pixels (1797, 8, 8, 1) of 0 to 16, labels (1797,).

    Raises:
        InputError: scikit-learn's file is missing, truncated or altered.
    """
    path, mend = csv_path(), "run: pip install --force-reinstall scikit-learn"
    try:
        with gzip.open(path, "rt") as stream:
            table = np.loadtxt(stream, delimiter=",", dtype=np.uint8)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(f"data file {path} cannot be read ({error}); {mend}") from error
    pixels, labels = table[:, :-1].reshape(-1, SIDE, SIDE, 1), table[:, -1]
    if digest(LabelledImages(pixels, labels)) != SHA256:
        raise InputError(f"data file {path} is altered; {mend}")
    return LabelledImages(pixels, labels)


def digest(images: LabelledImages) -> str:
    """Return the sha256 over pixels and labels."""
    return hashlib.sha256(images.pixels.tobytes() + images.labels.tobytes()).hexdigest()
