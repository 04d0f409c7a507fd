"""The split of images into those for training and those for validation."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

import numpy as np
from annotated_types import Ge

from lrlab.config.validation import AtMost
from lrlab.core.random_streams import stream
from lrlab.data.dataset import Rows

# Fields of a data set's configuration, which has a method `split()`
ValidationSize = Annotated[int, Ge(1), AtMost(lambda data: data.split().count - 1)]
SplitSeed = Annotated[int, Ge(0)]
TrainSize = Annotated[int, Ge(1), AtMost(lambda data: data.split().count - data.validation)] | None


@dataclass(frozen=True)
class Split:
    """A split of `count` images: `validation` are held out, `train_size` others are learned from (None: all)."""

    count: int
    validation: int
    seed: int
    train_size: int | None

    def rows(self) -> tuple[Rows, Rows]:
        """Return training and validation rows, ascending, to be read only.

        The validation rows do not depend on `train_size`, and a smaller training set is part of a larger one.
        """
        return _rows(self)


@lru_cache(maxsize=8)  # a sweep asks for the same split with every corner of its space
def _rows(split: Split) -> tuple[Rows, Rows]:
    order = stream(split.seed, "validation").permutation(split.count)
    held_out, rest = np.split(order, [split.validation])
    rows = np.sort(rest[: split.train_size]), np.sort(held_out)
    for each in rows:
        each.flags.writeable = False
    return rows
