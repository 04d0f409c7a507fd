"""Intermediate values of a job that is a trial, from inside any Hydra application."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from lrlab.config import validation

if TYPE_CHECKING:
    import optuna

_current_trial: ContextVar["optuna.Trial | None"] = ContextVar("lrlab.trial", default=None)


def report(step: int, value: float) -> None:
    """Report the objective so far; the pruner may end the job here.

    Do nothing outside of a sweep, in a sweep with several objectives, and in a thread that the job has started.

    Args:
        step: how far the job is, counted from 0 or 1: an epoch, say.
        value: the objective at that step.

    Raises:
        InputError: step is no integer >= 0.
        optuna.TrialPruned: the pruner ends the job. Let it pass; close what is open in a `finally`.
    """
    validation.integer("step of lrlab.report", step, at_least=0)
    trial = _current_trial.get()
    if trial is None or len(trial.study.directions) > 1:
        return
    trial.report(float(value), step)
    if trial.should_prune():
        from optuna import TrialPruned

        raise TrialPruned(f"pruned at step {step} with {float(value):g}")


@contextmanager
def reporting(trial: "optuna.Trial") -> Iterator[None]:
    """Have `report` report to a trial while this lasts."""
    token = _current_trial.set(trial)
    try:
        yield
    finally:
        _current_trial.reset(token)
