"""Points in the plane that no straight line tells apart: as many interlocked spirals as classes."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from lrlab.config.validation import AtMost
from lrlab.core.random_streams import stream
from lrlab.data.dataset import Dataset
from lrlab.data.split import Split, SplitSeed, TrainSize, ValidationSize
from lrlab.data.standardize import Moments


@dataclass(frozen=True)
class Spirals:
    """Points on arms r = 0 ... 1, angle = 4 (arm + r) + noise (CS231n, neural network case study); made, not fetched.

    Args:
        classes: number of arms.
        points: on each arm.
        noise: standard deviation of the angle, in radians.
        test, validation: points of each split, of all classes together.
        split_seed: which points there are, and which go where.
        train_size: points to learn from; None: all others.
    """

    classes: Annotated[int, Ge(2)] = 3
    points: Annotated[int, Ge(2)] = 500
    noise: Annotated[float, Ge(0)] = 0.2
    test: Annotated[int, Ge(1), AtMost(lambda data: data.classes * data.points - 2)] = 300
    validation: ValidationSize = 300
    split_seed: SplitSeed = 0
    train_size: TrainSize = None

    def split(self) -> Split:
        count = self.classes * self.points - self.test
        return Split(count, self.validation, self.split_seed, self.train_size)

    def verify(self) -> None:
        """Accept: there is no file that could be altered."""

    def load(self) -> Dataset:
        y = np.repeat(np.arange(self.classes), self.points)
        r = np.tile(np.linspace(0, 1, self.points), self.classes)
        angle = 4 * (y + r) + self.noise * stream(self.split_seed, "points").standard_normal(len(y))
        x = r[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
        moments = Moments(x.mean(keepdims=True)[0], x.std(keepdims=True)[0])
        x = ((x - moments.mean) / moments.std).astype(np.float32)  # one scale for both, so that the arms stay round
        order = stream(self.split_seed, "test").permutation(len(y))
        x, y = x[order], y[order]
        train, validation = self.split().rows()
        return Dataset(
            name="spirals",
            x=x[self.test :],
            y=y[self.test :],
            train=train,
            validation=validation,
            x_test=x[: self.test],
            y_test=y[: self.test],
            classes=tuple(str(arm) for arm in range(self.classes)),
            image_shape=(1, 2, 1),
            moments=lambda: moments,
        )
