"""What the jobs of any Hydra application say of themselves: `lrlab.report`, `lrlab.log` and `lrlab.artifact`."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lrlab.config import validation
from lrlab.sweeper import plain_job, running_job
from lrlab.sweeper.running_job import UNITS, RunningJob, Unit

if TYPE_CHECKING:
    from lrlab.runs.job_record import JobRecord

log_messages = logging.getLogger(__name__)


def report(step: int, value: float, unit: Unit = "epochs") -> None:
    """Report the objective so far, and record it; the pruner may end the job here.

    In a sweep with several objectives it is recorded only. Outside of a sweep it is recorded if the application has
    `hydra/sweeper: lrlab`. In a thread that the job has started it does nothing.

    Args:
        step: how far the job is, counted from 0 or 1.
        value: the objective at that step.
        unit: what the steps count, epochs or updates; the same in all trials of a study.

    Raises:
        InputError: step is no integer >= 0, or unit is another one.
        optuna.TrialPruned: the pruner ends the job. Let it pass; close what is open in a `finally`.
    """
    validation.integer("step of lrlab.report", step, at_least=0)
    validation.choice("unit of lrlab.report", unit, UNITS)
    job = _job()
    if job is None:
        return
    value = float(value)
    if job.unit != unit:
        job.set_unit(unit)
    if job.record:
        job.record.log_reported(step, value)
    if job.trial is None:
        return
    from optuna import TrialPruned
    from optuna.exceptions import UpdateFinishedTrialError

    from lrlab.sweeper.study.study import has_pruner

    if not has_pruner(job.trial.study):
        return
    try:
        job.trial.report(value, step)
        prune = job.trial.should_prune()
    except UpdateFinishedTrialError:
        raise TrialPruned("another worker has taken the trial over") from None
    if prune:
        raise TrialPruned(f"pruned at step {step} with {value:g}")


def log(metrics: Mapping[str, float], step: int = 0) -> None:
    """Record further metrics of a job: with its trial in a sweep, else in a run of its own.

    Args:
        metrics: their names, and numbers.
        step: counts as that of `report`.

    Raises:
        InputError: a name or a value that cannot be recorded.
    """
    from lrlab.runs.job_record import check_metrics

    validation.integer("step of lrlab.log", step, at_least=0)
    numbers = check_metrics(metrics)
    if record := _record("lrlab.log"):
        record.log(step, numbers)


def artifact(path: str | Path) -> None:
    """Attach a file, or a folder with all that is in it, to the run of a job, as `log` does.

    Raises:
        InputError: it cannot be read.
    """
    if record := _record("lrlab.artifact"):
        record.attach(Path(path))


def _job(*, asked: bool = False) -> RunningJob | None:
    return running_job.current() or plain_job.current(asked=asked)


def _record(what: str) -> "JobRecord | None":
    job = _job(asked=True)
    if job is None:
        log_messages.warning("%s records nothing here: no Hydra job runs in this thread", what)
    return job.record if job else None
