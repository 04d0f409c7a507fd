"""Means over seeds, with what their scatter leaves open of them, as rows of a chart."""

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, TypeVar

from lrlab.scaling_law.estimate import mean_of

T = TypeVar("T")


def mean_row(values: Sequence[float]) -> dict[str, Any]:
    """Return mean, the ends low and high of its 95 % interval (Student's t), and the number n of seeds.

    Of one seed there is no interval: the ends are the mean. Where one is not finite, there is no mean.
    """
    if not values or not all(map(math.isfinite, values)):
        return {"mean": None, "low": None, "high": None, "n": len(values)}
    if len(values) == 1:
        return {"mean": values[0], "low": values[0], "high": values[0], "n": 1}
    low, high = mean_of(values).interval()
    return {"mean": fmean(values), "low": low, "high": high, "n": len(values)}


def range_row(values: Sequence[float]) -> dict[str, Any]:
    """Return mean, low and high as the lowest and highest value, and the number n; see `mean_row`."""
    row = mean_row(values)
    return row if row["mean"] is None else row | {"low": min(values), "high": max(values)}


def grouped(things: Iterable[T], key: Callable[[T], Hashable]) -> Mapping[Any, list[T]]:
    """Return things by a key, in the order of the keys' first appearance."""
    groups: dict[Any, list[T]] = {}
    for thing in things:
        groups.setdefault(key(thing), []).append(thing)
    return groups
