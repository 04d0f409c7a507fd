"""Each setting at the learning rate that is best for it, so that none is compared at the best rate of another."""

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lrlab.analysis.runs import LR, REPEATED, Run, Runs, planned_seeds

Values = dict[Hashable, float]  # seed -> loss


@dataclass(frozen=True)
class AtBestRate:
    """A setting at the learning rate with its least mean loss.

    Attributes:
        lr: the learning rate; None where none was swept or recorded.
        losses: at the end, of each seed.
        tried: learning rates with which no seed diverged.
        is_at_end: whether no worse learning rate was tried on one side, so that a better one may lie there.
    """

    lr: float | None
    losses: Values
    tried: int
    is_at_end: bool

    @property
    def mean(self) -> float:
        return sum(self.losses.values()) / len(self.losses)


def at_best_rate(runs: Iterable[Run]) -> AtBestRate | None:
    """Return one setting at its best learning rate; None if a seed diverged with each of them.

    Only learning rates with as many seeds as any has planned count, or one that few seeds flatter would win.
    """
    rates: dict[float | None, Values] = {}
    for run in runs:
        rates.setdefault(run.lr if LR in run.params else None, {})[run.params.get("seed")] = run.loss
    finite = {lr: losses for lr, losses in rates.items() if all(map(math.isfinite, losses.values()))}
    if not finite:
        return None
    seeds = planned_seeds(finite.values())
    whole = {lr: losses for lr, losses in finite.items() if losses.keys() >= seeds}
    means = {lr: sum(losses.values()) / len(losses) for lr, losses in whole.items()}
    best = min(means, key=lambda lr: means[lr])
    return AtBestRate(best, whole[best], len(finite), best is not None and _is_at_end(best, rates))


def panels(runs: Runs, key: str, *, by_batch_size: bool = True) -> dict[str, dict[Any, list[Run]]]:
    """Return the runs by what else was chosen, then by the value of a key.

    Args:
        by_batch_size: whether a batch size is something else that was chosen.
    """
    others = [
        name
        for name, shown in runs.swept.items()
        if name not in (*REPEATED, key) and "interval(" not in shown and len(runs.values(name)) > 1
    ]
    found: dict[str, dict[Any, list[Run]]] = {}
    for run in sorted(runs, key=lambda run: run.params.get("batch_size", 0)):
        if key in run.params:
            words = [f"batch size {run.batch_size}"] if by_batch_size and "batch_size" in run.params else []
            label = ", ".join([*words, *(f"{name}={run.params.get(name)}" for name in others)])
            found.setdefault(label, {}).setdefault(run.params[key], []).append(run)
    return found


def has_intervals(runs: Runs) -> bool:
    """Return whether something was swept as an interval: hardly two trials have a setting in common then."""
    return any("interval(" in shown for shown in runs.swept.values())


def _is_at_end(best: float, rates: Mapping[float | None, Values]) -> bool:
    """Return whether the next lower or higher learning rate is missing, or better at common seeds.

    One that some seed diverged with is worse. A single learning rate was chosen by the user, and has no ends.
    """
    known = sorted(lr for lr in rates if lr is not None)
    if len(known) < 2:
        return False
    at = known.index(best)
    sides = known[at - 1] if at else None, known[at + 1] if at + 1 < len(known) else None
    return any(side is None or not _is_worse(rates[side], rates[best]) for side in sides)


def _is_worse(losses: Values, best: Values) -> bool:
    common = [seed for seed in losses if seed in best]
    if not all(map(math.isfinite, losses.values())):
        return True
    return bool(common) and sum(losses[seed] - best[seed] for seed in common) >= 0
