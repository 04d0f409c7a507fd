"""How many updates a target loss takes at each batch size (Shallue et al. 2019, arXiv:1811.03600)."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lrlab.analysis.runs import Run

MIN_PERFECT_SLOPE, MAX_FLAT_SLOPE = 0.8, 0.2  # of -d ln(updates) / d ln(batch size) between neighbours


@dataclass(frozen=True)
class StepsToTarget:
    """Updates to a target loss, each batch size at the learning rate that gets there first.

    Attributes:
        target: validation loss in nats that every batch size reaches.
        batch_sizes: in rising order.
        updates: mean over the seeds.
        spread: standard deviation over the seeds.
    """

    target: float
    batch_sizes: list[int]
    updates: list[float]
    spread: list[float]

    def describe(self) -> str:
        """Return where a larger batch saves updates in proportion, where less, and where hardly any."""
        said: list[tuple[str, int, int]] = []
        for (small, before), (large, after) in pairwise(zip(self.batch_sizes, self.updates, strict=True)):
            slope = math.log(before / after) / math.log(large / small)
            less = "flat" if slope <= MAX_FLAT_SLOPE else "diminishing returns"
            kind = "perfect scaling" if slope >= MIN_PERFECT_SLOPE else less
            if said and said[-1][0] == kind:
                said[-1] = (kind, said[-1][1], large)
            else:
                said.append((kind, small, large))
        return ", ".join(f"{kind} from {low} to {high}" for kind, low, high in said)


def steps_to_target(runs: Iterable[Run]) -> StepsToTarget | None:
    """Return the updates to the highest of the batch sizes' best losses; None without two batch sizes.

    Learning rates count whose every seed gets there. Between the ends of two epochs the loss is taken for linear.
    """
    groups: dict[int, dict[float, list[Run]]] = {}
    for run in runs:
        groups.setdefault(run.batch_size, {}).setdefault(run.lr, []).append(run)
    if len(groups) < 2 or any(
        run.samples is None for rates in groups.values() for each in rates.values() for run in each
    ):
        return None
    best = [min(max(run.loss for run in each) for each in rates.values()) for rates in groups.values()]
    target = max(best)
    if not math.isfinite(target):
        return None
    sizes, means, spreads = sorted(groups), [], []
    for size in sizes:
        needed = [np.array([_updates(run, target) for run in each]) for each in groups[size].values()]
        fastest = min(needed, key=lambda updates: float(updates.mean()))
        means.append(float(fastest.mean()))
        spreads.append(float(fastest.std(ddof=1)) if len(fastest) > 1 else 0.0)
    return StepsToTarget(target, sizes, means, spreads)


def _updates(run: Run, target: float) -> float:
    """Return the updates until the validation loss first is at most the target; infinite if it never is."""
    assert run.samples is not None
    an_epoch = math.ceil(run.samples / run.batch_size)
    history = run.metrics["val/loss"]
    before: tuple[int, float] | None = None
    for epoch, loss in history:
        if loss <= target:
            if before is None:
                return float(epoch * an_epoch)
            passed = (before[1] - target) / (before[1] - loss)
            return (before[0] + passed * (epoch - before[0])) * an_epoch
        before = (epoch, loss)
    return math.inf
