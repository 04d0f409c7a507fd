"""One run of the benchmark: where it works, how large it is, and how it repeats what it measures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.progress import Watch

T = TypeVar("T")
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Bench:
    """What every figure is given.

    Attributes:
        folder: everything is written below it.
        quick: sizes that only show that it runs; their numbers mean nothing.
        repeats: samples of each system.
    """

    folder: Path
    quick: bool
    repeats: int
    watch: Watch

    def size(self, full: T, quick: T) -> T:
        return quick if self.quick else full

    def alternate(self, samplers: Mapping[str, Callable[[int], T]]) -> dict[str, list[T]]:
        """Samples of all systems, one of each in every round; who begins changes from round to round.

        Args:
            samplers: take the number of the round, which is the seed of what they do.
        """
        samples: dict[str, list[T]] = {name: [] for name in samplers}
        names = list(samplers)
        self.watch.steps(self.repeats * len(names))
        for number in range(self.repeats):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                with self.watch.step(f"{name}, {number + 1} of {self.repeats}"):
                    samples[name].append(samplers[name](number))
        return samples
