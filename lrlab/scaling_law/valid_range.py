"""Where the linear scaling rule holds: which learning rates may be carried over from a smaller batch size?

How far off the best the carried learning rate is, is read off the rules, each with its probability, since they know
the optima of all batch sizes together better than each is known by itself; what that costs, off the drawn loss curves.
Where none of the known rules fits, the optima themselves tell how far off it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from lrlab.scaling_law.optimum import Optimum
from lrlab.scaling_law.rule_probabilities import NONE, RuleProbabilities

CONFIDENCE: Final = 0.95
MAX_PROBABILITY_OF_NONE: Final = 0.5  # up to which the known rules are asked
DRAWS: Final = 1000  # of the rules


@dataclass(frozen=True)
class Pair:
    """The rule asked to predict the best learning rate of a larger batch size from that of a smaller.

    Attributes:
        small, large: batch sizes.
        relative_regret: loss of `large` at the best learning rate of `small` times large/small, over its least loss,
            relative to that, on average; where that learning rate lies beyond the fit, at least so much.
        probability: that it is at most the tolerance.
    """

    small: int
    large: int
    relative_regret: float
    probability: float


def pairs(optima: Sequence[Optimum], rules: RuleProbabilities | None, tolerance: float) -> tuple[Pair, ...]:
    """Return every pair of batch sizes that have a curve."""
    known = [(optimum.batch_size, optimum.curve) for optimum in optima if optimum.curve is not None]
    drawn = None
    if rules and rules.probability[NONE] < MAX_PROBABILITY_OF_NONE:
        drawn = rules.draw(np.log([size for size, _ in known]), DRAWS, np.random.default_rng(0))
    tested = []
    for (i, (small, from_curve)), (j, (large, to_curve)) in combinations(enumerate(known), 2):
        ratio, best = math.log(large / small), to_curve.optima
        if drawn is not None:
            carried = best + np.resize(drawn[:, i] + ratio - drawn[:, j], len(best))
        else:
            others = np.random.default_rng(0).permutation(from_curve.optima)  # the two are drawn independently
            carried = np.resize(others, len(best)) + ratio
        regret = to_curve.excess_losses(carried) / (abs(to_curve.level) or math.nan)
        tested.append(Pair(small, large, float(np.mean(regret)), float(np.mean(regret <= tolerance))))
    return tuple(tested)


def valid_range(tested: tuple[Pair, ...]) -> tuple[int, int] | None:
    """Return the widest range of tried batch sizes in which every pair holds with 95 %, or None.

    Of equally wide ranges the one with the smallest batch sizes.
    """
    holds = {(pair.small, pair.large): pair.probability >= CONFIDENCE for pair in tested}
    sizes = sorted({size for pair in holds for size in pair})
    ranges = [
        (low, high)
        for low, high in holds
        if all(holds[pair] for pair in combinations([size for size in sizes if low <= size <= high], 2))
    ]
    return min(ranges, key=lambda ends: (-ends[1] / ends[0], ends[0]), default=None)


def describe(tested: tuple[Pair, ...], within: tuple[int, int] | None, tolerance: float) -> str:
    """Return in words where the linear rule holds, and how it breaks at the next larger batch size."""
    if within is None:
        return f"between no two batch sizes does the linear rule surely (95 %) cost at most {tolerance:.2g} of the loss"
    low, high = within
    sentence = (
        f"the linear rule costs at most {tolerance:.2g} of the loss between batch sizes {low} and {high} "
        "(95 % for each pair)"
    )
    beyond = [pair for pair in tested if pair.small >= low and pair.large > high]
    if not beyond:
        return sentence
    following = min(pair.large for pair in beyond)
    worst = max((pair for pair in beyond if pair.large == following), key=lambda pair: pair.relative_regret)
    return (
        f"{sentence}; carried from {worst.small} to {following} it costs {worst.relative_regret:.2g} on average, "
        f"at most {tolerance:.2g} with a probability of {worst.probability:.2f}"
    )
