"""Classes from the values of a target: their names, their order, and what cannot be classes."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lrlab.data.dataset import Rows
from lrlab.errors import InputError

MAX_CLASSES = 1000
WHOLE = re.compile(r"[+-]?\d+")
ADVICE = "a classifier is trained, which takes whole numbers or texts for classes"


def in_order(names: Sequence[str], *, merge: bool = True) -> tuple[list[str], Rows]:
    """Return names in order, numbers by their values, and the place of each in it (N,).

    Args:
        merge: whether 1 and 01 are one.
    """
    numeric = all(map(WHOLE.fullmatch, names))
    if numeric and merge:
        names = [str(int(name)) for name in names]
    ordered = sorted(set(names), key=(lambda name: (int(name), name)) if numeric else None)
    place = {name: index for index, name in enumerate(ordered)}
    return ordered, np.array([place[name] for name in names], np.intp)


def check_classes(key: str, classes: Sequence[str], y: Rows, place: str) -> None:
    """Refuse a single class, and one with a single sample.

    Args:
        key: of the configuration, for the message.
        place: where the classes are, for the message.

    Raises:
        InputError: names the class.
    """
    if len(classes) < 2:
        raise InputError(f"{key} must have two classes or more, {place} has {', '.join(map(repr, classes)) or 'none'}")
    counts = np.bincount(y, minlength=len(classes))
    if (counts < 2).any():
        rare = classes[int(counts.argmin())]
        raise InputError(f"{key} must have two samples of each class or more, {place} has one of {rare!r}")


def of_values(key: str, values: NDArray[np.generic], place: str) -> tuple[tuple[str, ...], Rows]:
    """Return the classes that an array of labels names, and the class of each sample (N,).

    Raises:
        InputError: it holds no whole numbers, texts or booleans, or too many different ones.
    """
    if values.ndim != 1 or values.dtype.kind not in "iubU":
        raise InputError(
            f"{key} must be whole numbers or texts (N,), {place} is {values.dtype} {values.shape}: {ADVICE}"
        )
    distinct, y = np.unique(values, return_inverse=True)
    if len(distinct) > MAX_CLASSES:
        raise InputError(f"{key} must have at most {MAX_CLASSES} classes, {place} has {len(distinct)}: {ADVICE}")
    return tuple(map(str, distinct.tolist())), y.astype(np.intp)
