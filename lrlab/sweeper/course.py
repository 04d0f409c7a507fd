"""The course of a search, on the run of its sweep: every trial's objective, and the best so far, over trial numbers."""

from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from optuna.trial import TrialState

from lrlab.tracking.tracker import Tracker, UnreachableError

if TYPE_CHECKING:
    import optuna

OBJECTIVE: Final = "search/objective"
BEST: Final = "search/best_so_far"


def points(study: "optuna.Study") -> list[tuple[int, float, float]]:
    """Return number, objective and best objective so far of every complete trial, in their order.

    Empty of a study with several objectives. Single trials are compared: of swept seeds, the luckiest is the best.
    """
    if len(study.directions) > 1:
        return []
    trials = [each for each in study.get_trials(deepcopy=False) if each.state == TrialState.COMPLETE]
    values = [(each.number, each.value) for each in trials if each.value is not None]
    best = accumulate((value for _, value in values), max if study.direction.name == "MAXIMIZE" else min)
    return [(number, value, so_far) for (number, value), so_far in zip(values, best, strict=True)]


def log_course(tracker: Tracker, run_id: str, study: "optuna.Study") -> None:
    """Add to the run of a sweep what it does not hold yet; nothing while its server is away."""
    with suppress(UnreachableError):
        known = {step for step, _ in tracker.get_run(run_id).metrics.get(OBJECTIVE, ())}
        for number, value, best in points(study):
            if number not in known:
                tracker.log_metrics(run_id, number, {OBJECTIVE: value, BEST: best})
