"""Where the linear scaling rule holds: which learning rates may be carried over from a smaller batch size?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from lrlab.analysis.scaling.optimum import Optimum


@dataclass(frozen=True)
class Pair:
    """The rule asked to predict the best learning rate of a larger batch size from that of a smaller.

    Attributes:
        small, large: batch sizes.
        relative_regret: loss of `large` at the best learning rate of `small` times large/small, over its least loss,
            relative; where that learning rate lies beyond what was tried, at least so much.
    """

    small: int
    large: int
    relative_regret: float


def pairs(optima: Sequence[Optimum]) -> tuple[Pair, ...]:
    """Return every pair of batch sizes that have a fitted curve."""
    known = [(one.batch_size, one.curve) for one in optima if one.curve is not None]
    found = []
    for (small, from_curve), (large, to_curve) in combinations(known, 2):
        predicted = from_curve.centre + math.log(large / small)
        regret = to_curve.excess_loss(predicted) / abs(to_curve.level) if to_curve.level else math.inf
        found.append(Pair(small, large, regret))
    return tuple(found)


def valid_range(tested: tuple[Pair, ...], tolerance: float) -> tuple[int, int] | None:
    """Return the widest range of tried batch sizes in which no pair loses more than the tolerance, or None.

    Of equally wide ranges the one with the smallest batch sizes.
    """
    lost = {(pair.small, pair.large): pair.relative_regret for pair in tested}
    sizes = sorted({size for pair in lost for size in pair})
    ranges = [
        (low, high)
        for low, high in lost
        if all(lost[pair] <= tolerance for pair in combinations([b for b in sizes if low <= b <= high], 2))
    ]
    return min(ranges, key=lambda ends: (-ends[1] / ends[0], ends[0]), default=None)


def describe(tested: tuple[Pair, ...], within: tuple[int, int] | None, tolerance: float) -> str:
    """Return in words where the linear rule holds, and how it breaks at the next larger batch size."""
    if within is None:
        return f"the linear rule costs more than {tolerance:.2g} of the loss between any two batch sizes"
    low, high = within
    sentence = f"the linear rule costs at most {tolerance:.2g} of the loss between batch sizes {low} and {high}"
    beyond = [pair for pair in tested if pair.small >= low and pair.large > high]
    if not beyond:
        return sentence
    following = min(pair.large for pair in beyond)
    worst = max((pair for pair in beyond if pair.large == following), key=lambda pair: pair.relative_regret)
    return f"{sentence}; carried from {worst.small} to {following} it costs {worst.relative_regret:.2g}"
