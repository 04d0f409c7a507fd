"""Learning-rate schedules: pure functions of the update index and the number of updates.

Every schedule has ``warmup``, the fraction of training in which the factor rises linearly to 1 (Goyal et al. 2017,
arXiv:1706.02677, gradual warmup); its decay then runs over the updates that are left. Fractions, not counts of
updates, so that a schedule means the same at every batch size. Of T updates, w = round(warmup T) warm up:

    factor(t) = (t + 1) / (w + 1)       t = 0, ..., w - 1
    factor(t) = decay(t - w, T - w)     t = w, ..., T - 1, which begins with 1

so that the first update moves the parameters, and one of them is a warmup too. In PyTorch this is
SequentialLR([LinearLR(start_factor=1 / (w + 1), total_iters=w), ...], milestones=[w]).
"""

import math
from dataclasses import dataclass
from typing import Annotated, Protocol

from annotated_types import Gt, Interval


class Schedule(Protocol):
    """A decay, and what comes before it."""

    @property
    def warmup(self) -> float:
        """Return the fraction of training in which the factor rises to 1."""

    def decay(self, t: int, total: int) -> float:
        """Return the factor at update t = 0, 1, ... of ``total``, without the warmup; 1 at t = 0."""


def factor(schedule: Schedule, t: int, total: int) -> float:
    """Return the factor on the learning rate at update t of ``total``.

    Args:
        schedule: the decay and its warmup.
        t: index of the update, from 0.
        total: number of updates in the whole training.
    """
    warmup = warmup_updates(schedule, total)
    if t < warmup:
        return warmup_factor(t, warmup)
    return schedule.decay(t - warmup, total - warmup)


def warmup_factor(t: int, warmup: int) -> float:
    """Return the factor at update t of so many that warm up."""
    return (t + 1) / (warmup + 1)


def warmup_updates(schedule: Schedule, total: int) -> int:
    """Return how many of ``total`` updates warm up; the last one never does."""
    return min(round(schedule.warmup * total), total - 1)


@dataclass(frozen=True)
class Warmup:
    """The part that every schedule has.

    Args:
        warmup: fraction of training in which the factor rises to 1.
    """

    warmup: Annotated[float, Interval(ge=0, lt=1)] = 0.0


@dataclass(frozen=True)
class Constant(Warmup):
    """1."""

    def decay(self, t: int, total: int) -> float:
        return 1.0


@dataclass(frozen=True)
class Step(Warmup):
    """gamma^floor(t / (every * T)) (He et al. 2015: a tenth, twice).

    Args:
        every: fraction of training (after warmup) between two drops, in (0, 1].
        gamma: factor of each drop, in (0, 1].
    """

    every: Annotated[float, Interval(gt=0, le=1)] = 0.3334
    gamma: Annotated[float, Interval(gt=0, le=1)] = 0.1

    def decay(self, t: int, total: int) -> float:
        return self.gamma ** math.floor(t / (self.every * total))


@dataclass(frozen=True)
class Cosine(Warmup):
    """floor + (1 - floor) (1 + cos(pi t / T)) / 2 (Loshchilov & Hutter 2016, arXiv:1608.03983, eq. 5).

    Args:
        floor: the last factor, as a fraction of the base learning rate, in [0, 1].
    """

    floor: Annotated[float, Interval(ge=0, le=1)] = 0.0

    def decay(self, t: int, total: int) -> float:
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * t / total)) / 2


@dataclass(frozen=True)
class LinearDecay(Warmup):
    """1 - t / T (lecture 6.2)."""

    def decay(self, t: int, total: int) -> float:
        return 1 - t / total


@dataclass(frozen=True)
class InverseSqrt(Warmup):
    """1 / sqrt(1 + t / timescale): for a timescale of 1 the lecture's alpha_0 / sqrt(t), t = 1, 2, ... (6.2).

    Args:
        timescale: updates after which the factor has fallen to 1 / sqrt(2).
    """

    timescale: Annotated[float, Gt(0)] = 1.0

    def decay(self, t: int, total: int) -> float:
        return 1 / math.sqrt(1 + t / self.timescale)
