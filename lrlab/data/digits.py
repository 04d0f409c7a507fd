"""The 8 x 8 digits that come with scikit-learn: the test part of UCI's optdigits (Alpaydin, Kaynak 1998)."""

import gzip
import hashlib
import zlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from lrlab.data.spec import LabelledImages
from lrlab.errors import InputError

COUNT = 1797
CLASSES = tuple("0123456789")
SIDE = 8
# over the pixels, then the labels, as bytes
SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def csv_path() -> Path:
    """Where scikit-learn keeps the digits. Importing it to ask would take a second and a half."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise InputError("data digits needs scikit-learn; run: pip install scikit-learn")
    return Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"


def read() -> LabelledImages:
    """The 1797 images: pixels (1797, 8, 8, 1) of 0 to 16, labels (1797,).

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
    """The sha256 over pixels and labels."""
    return hashlib.sha256(images.pixels.tobytes() + images.labels.tobytes()).hexdigest()
