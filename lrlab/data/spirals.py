"""Points in the plane that no straight line tells apart: as many interlocked spirals as classes."""

from dataclasses import dataclass

import numpy as np

from lrlab.config import validation
from lrlab.data.datasets import Dataset, Split


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

    Raises:
        InputError: a size, the noise or the seed is out of range.
    """

    classes: int = 3
    points: int = 500
    noise: float = 0.2
    test: int = 300
    validation: int = 300
    split_seed: int = 0
    train_size: int | None = None

    def __post_init__(self) -> None:
        validation.integer("data.classes", self.classes, at_least=2)
        validation.integer("data.points", self.points, at_least=2)
        validation.number("data.noise", self.noise, at_least=0)
        validation.integer("data.test", self.test, at_least=1, at_most=self.classes * self.points - 2)
        self.split()

    def split(self) -> Split:
        count = self.classes * self.points - self.test
        return Split(count, self.validation, self.split_seed, self.train_size)

    def verify(self) -> None:
        """There is nothing that could be altered."""

    def load(self) -> Dataset:
        rng = np.random.default_rng(self.split_seed)
        y = np.repeat(np.arange(self.classes), self.points)
        r = np.tile(np.linspace(0, 1, self.points), self.classes)
        angle = 4 * (y + r) + self.noise * rng.standard_normal(len(y))
        x = r[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
        x = ((x - x.mean()) / x.std()).astype(np.float32)  # one scale for both, so that the arms stay round
        order = rng.permutation(len(y))
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
        )
