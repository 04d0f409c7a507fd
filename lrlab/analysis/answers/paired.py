"""Differences between settings that had the same seeds."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
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
    """

    mean: Estimate
    seeds: int

    @property
    def may_be_zero(self) -> bool:
        """Return whether the 95 % interval includes 0."""
        low, high = self.mean.interval(CONFIDENCE)
        return low <= 0 <= high

    def describe(self) -> str:
        """Return the difference with its interval."""
        ends = interval(self.mean.interval(CONFIDENCE))
        return f"{self.mean.value:.3g} {ends} (paired over {self.seeds} seeds)"

    def to_dict(self) -> dict[str, Any]:
        return {
            "difference": self.mean.value,
            "interval": list(self.mean.interval(CONFIDENCE)),
            "seeds": self.seeds,
            "may_be_zero": self.may_be_zero,
        }


def difference(first: Mapping[Any, float], second: Mapping[Any, float]) -> Difference | None:
    """Return second less first at the seeds that both have; None for fewer than two of them.

    Model: the difference at a seed is normal about the true one, independently of the other seeds' (Student 1908,
    "The probable error of a mean"): what a seed does to both, such as its split or its initial weights, drops out.
    """
    common: Sequence[Hashable] = [seed for seed in first if seed in second]
    if len(common) < 2:
        return None
    return Difference(mean_of([second[seed] - first[seed] for seed in common]), len(common))
