"""Differences between settings that had the same seeds."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Final

from lrlab.analysis.answers.wording import interval
from lrlab.scaling_law.estimate import Estimate, mean_of

CONFIDENCE: Final = 0.95


@dataclass(frozen=True)
class Difference:
    """The mean of a difference over seeds.

    Attributes:
        mean: of it, with its error, by Student's t.
        seeds: that both have.
        confidence: of its interval: more than 95 % where it is one of several (Bonferroni).
    """

    mean: Estimate
    seeds: int
    confidence: float = CONFIDENCE

    @property
    def interval(self) -> tuple[float, float]:
        """The interval that holds the true difference."""
        return self.mean.interval(self.confidence)

    @property
    def may_be_zero(self) -> bool:
        """Whether the interval includes 0."""
        low, high = self.interval
        return low <= 0 <= high

    def describe(self) -> str:
        """Return the difference with its interval."""
        return f"{self.mean.value:.3g} {interval(self.interval)} (paired over {self.seeds} seeds)"

    def amount(self) -> str:
        """Return how much it is, without a sign, with its interval."""
        sign = math.copysign(1.0, self.mean.value)
        ends = sorted(sign * end for end in self.interval)
        return f"{abs(self.mean.value):.3g} {interval(ends)}"

    def reversed(self) -> "Difference":
        """Return first less second for second less first."""
        return replace(self, mean=replace(self.mean, value=-self.mean.value))

    def to_dict(self) -> dict[str, Any]:
        return {
            "difference": self.mean.value,
            "interval": list(self.interval),
            "seeds": self.seeds,
            "may_be_zero": self.may_be_zero,
        }


def difference(first: Mapping[Any, float], second: Mapping[Any, float], comparisons: int = 1) -> Difference | None:
    """Return second less first at the seeds that both have; None for fewer than two of them.

    Args:
        first, second: seed -> value.
        comparisons: of which this is one: their intervals hold all at once with 95 %.

    Model: the difference at a seed is normal about the true one, independently of the other seeds' (Student 1908,
    "The probable error of a mean"): what a seed does to both, such as its split or its initial weights, drops out.
    """
    common: Sequence[Hashable] = [seed for seed in first if seed in second]
    if len(common) < 2:
        return None
    confidence = 1 - (1 - CONFIDENCE) / max(comparisons, 1)
    return Difference(mean_of([second[seed] - first[seed] for seed in common]), len(common), confidence)


def gain_of_choice(base: Mapping[Any, float], candidates: Mapping[Any, Mapping[Any, float]]) -> Difference | None:
    """Return what the best candidate gains over a base, where each seed judges the candidate that the others chose.

    The candidate that is best on the seeds that chose it looks better than it is. Its loss on a seed that did not take
    part does not: for each seed, the one with the least mean over the other seeds is chosen, and compared with the
    base at this seed (leave-one-out cross-validation; Stone 1974, "Cross-validatory choice and assessment").

    Args:
        base: seed -> loss.
        candidates: name -> seed -> loss.

    Returns:
        base less candidate, above 0 where the choice gains; None for fewer than two seeds that all have.
    """
    seeds = [seed for seed in base if all(seed in losses for losses in candidates.values())]
    if len(seeds) < 2 or not candidates:
        return None
    gains = []
    for seed in seeds:
        chosen = min(candidates.values(), key=lambda losses: fmean(losses[other] for other in seeds if other != seed))
        gains.append(base[seed] - chosen[seed])
    return Difference(mean_of(gains), len(seeds))
