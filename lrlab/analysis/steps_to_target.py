"""How many updates a target loss takes at each batch size (Shallue et al. 2019, arXiv:1811.03600)."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, stdev
from typing import Any

from lrlab.analysis.runs import LR, Run, Runs, planned_seeds
from lrlab.runs.history import CURVE

MIN_RATES = 3  # learning rates of a batch size: with fewer, the best one is hardly among them
MIN_PERFECT_SLOPE, MAX_FLAT_SLOPE = 0.8, 0.2  # of -d ln(updates) / d ln(batch size) between neighbours

Rates = Mapping[float, Mapping[Any, Run]]  # learning rate -> seed -> training


@dataclass(frozen=True)
class UpdatesNeeded:
    """What one batch size takes to the target.

    Attributes:
        batch_size: samples per update.
        lr: takes the fewest updates, of the learning rates that reach the target with every seed; None without one.
        updates: of each seed, in their order, at that learning rate; empty without one.
        is_bracketed: whether lower and higher learning rates were tried: beyond the last one it may be even fewer.
        trainings: at this batch size, at any learning rate.
        censored: those that never reach the target: what they would take is not known.
    """

    batch_size: int
    lr: float | None
    updates: tuple[float, ...]
    is_bracketed: bool
    trainings: int
    censored: int

    @property
    def mean(self) -> float:
        """Mean over the seeds; NaN without a learning rate."""
        return mean(self.updates) if self.updates else math.nan

    @property
    def spread(self) -> float:
        """Standard deviation over the seeds; 0 for one seed."""
        return stdev(self.updates) if len(self.updates) > 1 else 0.0

    @property
    def reason(self) -> str:
        """Return why the batch size is censored as a whole; empty if it is not."""
        if self.updates:
            return ""
        return (
            f"batch size {self.batch_size} is censored: none of its learning rates reaches the target with every seed "
            f"({self.censored} of {self.trainings} trainings never do)"
        )


@dataclass(frozen=True)
class StepsToTarget:
    """Updates to a target loss by batch size.

    Attributes:
        target: validation loss in nats.
        batch_sizes: in rising order, censored ones among them.
    """

    target: float
    batch_sizes: tuple[UpdatesNeeded, ...]

    @property
    def reached(self) -> tuple[UpdatesNeeded, ...]:
        """The batch sizes that reach the target."""
        return tuple(needed for needed in self.batch_sizes if needed.lr is not None)

    def describe(self) -> str:
        """Return where a larger batch saves updates in proportion, where less, and where hardly any."""
        said: list[tuple[str, int, int]] = []
        for small, large in pairwise(self.reached):
            slope = math.log(small.mean / large.mean) / math.log(large.batch_size / small.batch_size)
            less = "no gain" if slope <= MAX_FLAT_SLOPE else "diminishing returns"
            kind = "perfect scaling" if slope >= MIN_PERFECT_SLOPE else less
            if said and said[-1][0] == kind:
                said[-1] = (kind, said[-1][1], large.batch_size)
            else:
                said.append((kind, small.batch_size, large.batch_size))
        return ", ".join(f"{kind} from {low} to {high}" for kind, low, high in said)


def steps_to_target(runs: Runs) -> StepsToTarget | None:
    """Return the updates to the highest of the batch sizes' best losses; None if the runs cannot tell.

    They can if the loss was measured inside epochs, at two batch sizes at least, with the same few learning rates for
    all seeds: nothing may be swept as an interval.
    """
    if any("interval" in shown for shown in runs.swept.values()):
        return None
    if not all(run.has(CURVE) and LR in run.params for run in runs):
        return None
    groups: dict[int, dict[float, dict[int, Run]]] = {}
    for run in runs.with_histories(runs.runs, CURVE):
        groups.setdefault(run.batch_size, {}).setdefault(run.lr, {})[run.seed] = run
    if len(groups) < 2 or any(len(rates) < MIN_RATES for rates in groups.values()):
        return None
    seeds = planned_seeds(each for rates in groups.values() for each in rates.values())
    best = [loss for rates in groups.values() if math.isfinite(loss := _best_loss(rates, seeds))]
    if not best:
        return None
    target = max(best)
    return StepsToTarget(target, tuple(_needed(size, groups[size], seeds, target) for size in sorted(groups)))


def _best_loss(rates: Rates, seeds: set[Hashable]) -> float:
    """Return the least loss in nats that some learning rate ends with, whatever the seed; infinite without one."""
    ends = (max(each[seed].loss for seed in seeds) for each in _of_all(rates, seeds).values())
    return min(ends, default=math.inf)


def _of_all(rates: Rates, seeds: set[Hashable]) -> dict[float, Mapping[Any, Run]]:
    """Return the learning rates that have all planned seeds."""
    return {lr: each for lr, each in rates.items() if each.keys() >= seeds}


def _needed(batch_size: int, rates: Rates, seeds: set[Hashable], target: float) -> UpdatesNeeded:
    trainings = [(lr, seed, run) for lr, each in rates.items() for seed, run in each.items()]
    reached: dict[float, dict[int, float]] = {}
    for lr, seed, run in trainings:
        if updates := _updates_until(run.metrics[CURVE], target):
            reached.setdefault(lr, {})[seed] = updates
    order: list[Any] = sorted(seeds, key=str)
    whole = {lr: tuple(each[seed] for seed in order) for lr, each in reached.items() if each.keys() >= seeds}
    best = min(whole, key=lambda lr: mean(whole[lr]), default=None)
    censored = len(trainings) - sum(map(len, reached.values()))
    if best is None:
        return UpdatesNeeded(batch_size, None, (), False, len(trainings), censored)
    known = _of_all(rates, seeds)
    return UpdatesNeeded(batch_size, best, whole[best], min(known) < best < max(known), len(trainings), censored)


def _updates_until(curve: Sequence[tuple[int, float]], target: float) -> float | None:
    """Return the updates until the loss first is at most the target, None if it never is.

    Between two measurements it is taken for linear in ln(updates). The first update is the first that can reach it.
    """
    before: tuple[int, float] | None = None
    for updates, loss in curve:
        if updates == 0:
            continue
        if loss <= target:
            if before is None or not math.isfinite(before[1]):
                return float(updates)
            passed = (before[1] - target) / (before[1] - loss)
            return float(before[0] ** (1 - passed) * updates**passed)
        before = updates, loss
    return None
