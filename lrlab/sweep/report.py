"""Intermediate values of a job that is a trial, from inside any Hydra application."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lrlab.config import validation

if TYPE_CHECKING:
    import optuna

_trial: "optuna.Trial | None" = None  # the one this process runs


def report(step: int, value: float) -> None:
    """Report the objective so far; the sweep may end the job here because it is not worth going on with.

    Outside of a sweep, and in one with several objectives, it does nothing.

    Args:
        step: how far the job is, counted from 0 or 1: an epoch, say.
        value: the objective at that step.

    Raises:
        InputError: step is no integer >= 0.
        optuna.TrialPruned: the pruner ends the job. Let it pass; close what is open in a `finally`.
    """
    validation.integer("step of lrlab.report", step, at_least=0)
    if _trial is None or len(_trial.study.directions) > 1:
        return
    _trial.report(float(value), step)
    if _trial.should_prune():
        from optuna import TrialPruned

        raise TrialPruned(f"pruned at step {step} with {float(value):g}")


@contextmanager
def reporting(trial: "optuna.Trial") -> Iterator[None]:
    """While this lasts, `report` speaks of a trial."""
    global _trial
    before, _trial = _trial, trial
    try:
        yield
    finally:
        _trial = before
