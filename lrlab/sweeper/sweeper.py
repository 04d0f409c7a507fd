"""`hydra/sweeper: lrlab`: from the command line of a multirun to a study, its workers and its results."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import optuna
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import CompactHydraException
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from optuna.exceptions import StorageInternalError

from lrlab.config.override import overrides_of, typed_value
from lrlab.errors import InputError, NotDoneError, RecordsLeftError, TrialsFailedError, cannot_write
from lrlab.runtime.signals import handle_signals
from lrlab.sweeper import dry_run, trials_left
from lrlab.sweeper.directory import MULTIRUN, claim
from lrlab.sweeper.plan import SweepPlan, plan_sweep
from lrlab.sweeper.progress import show_progress
from lrlab.sweeper.results import save_results
from lrlab.sweeper.runners.protocols import Sweep
from lrlab.sweeper.settings import Settings
from lrlab.sweeper.study.queue import FAILED, OUTCOME, REASON, Queue
from lrlab.sweeper.study.state import write_state
from lrlab.sweeper.study.study import create
from lrlab.sweeper.worker import JobResults, Worker
from lrlab.sweeper.worker_pool import WorkerPool

log = logging.getLogger(__name__)


class InvalidSweepError(InputError, CompactHydraException):
    """An `InputError` in the form that Hydra prints as its one line."""


class SweepFailedError(TrialsFailedError, CompactHydraException):
    """A `TrialsFailedError` in the form that Hydra prints as its one line."""


class SweepLeftRecordsError(RecordsLeftError, CompactHydraException):
    """A `RecordsLeftError` in the form that Hydra prints as its one line."""


def sweep(
    settings: Mapping[str, Any],
    arguments: Sequence[str],
    hydra_context: HydraContext,
    task_function: TaskFunction,
    config: DictConfig,
) -> list[list[JobReturn]]:
    """Run a sweep; return what Hydra's own sweeper does: one batch of job returns, in trial order.

    Raises:
        InputError: a setting or an override cannot be used, and nothing has been written; or results cannot be stored.
        SweepFailedError, or what a task raised: more than `max_failure_rate` of the trials failed.
    """
    plan = None
    try:
        typed = typed_value(overrides_of(config, "hydra"), "hydra.sweeper.study_name")
        given = settings if typed is None else {**settings, "study_name": typed}
        checked = Settings.read(given)
        plan = plan_sweep(checked, arguments, hydra_context, task_function, config)
        if checked.dry_run:
            dry_run.print_plan(plan, is_named=checked.study_name is not None)
            return [[]]
        with _quiet_optuna():
            return run(plan, hydra_context)
    except RecordsLeftError as error:
        raise SweepLeftRecordsError(str(error)) from error
    except NotDoneError:
        raise
    except InputError as error:
        raise InvalidSweepError(str(error)) from error
    except (OSError, StorageInternalError) as error:
        if hasattr(error, "__notes__"):  # a task raised it, see `_check_failures`
            raise
        raise InvalidSweepError(f"the sweep cannot go on: {_reason(error, plan)}") from error


def run(plan: SweepPlan, hydra_context: HydraContext) -> list[list[JobReturn]]:
    """Carry out a plan: create or resume the study, run the workers, write the results.

    Raises:
        InputError: another sweep has changed the study since the plan was made.
        SweepFailedError, or what a task raised: more than `max_failure_rate` of the trials failed.
        TrialsLeft: not all trials are done: the time was over, or another program runs the others.
        SystemExit: a signal came, also Ctrl-C; a task's own KeyboardInterrupt is raised as it is.
    """
    if plan.has_nothing_left() and _has_ended(plan):
        return [[]]
    with plan.storage.exclusive():
        plan = plan.with_stored_state()  # another sweep may have created the study since
        state = plan.application.prepare(plan.sweep)
        study = create(plan.storage, plan.sweep.study, plan.spec)
        write_state(study, state)
        queue = Queue(plan.storage, plan.sweep.study)
        queue.repair()
        before = queue.counts()
        queue.enqueue_missing(plan.trials)
    sweep = replace(plan.sweep, directory=claim(plan.sweep.directory))
    if sweep.directory != plan.sweep.directory:
        log.warning("hydra.sweep.dir %s holds another sweep: this one's is %s", plan.sweep.directory, sweep.directory)
    OmegaConf.save(sweep.config, sweep.directory / MULTIRUN)
    worker = Worker(sweep, plan.application, state, plan.storage, plan.search, past=before.done + before.running)

    def end(error: BaseException | None) -> None:
        queue.repair(stopped=isinstance(error, KeyboardInterrupt | SystemExit))
        save_results(study, sweep.directory)
        plan.application.on_sweep_end(sweep, state, study, error)

    with handle_signals() as signals:
        try:
            with show_progress(queue):
                results = WorkerPool(worker, hydra_context, queue).run(signals)
            _check_failures(sweep, queue, results)
            trials_left.check(plan, queue)
        except BaseException as error:
            with suppress(Exception):  # the first error is the one to raise
                end(error)
            if isinstance(error, KeyboardInterrupt) and signals.received is not None:
                raise SystemExit(128 + signals.received) from error  # Hydra would show where Ctrl-C came
            raise
        end(None)
    if plan.remark:
        log.warning("%s", plan.remark)
    return [[result for _, result in sorted(results, key=lambda result: result[0])]]


def _has_ended(plan: SweepPlan) -> bool:
    """Return whether a sweep that has no trial left has come to its end before; its results are written again."""
    queue = Queue(plan.storage, plan.sweep.study)
    study = queue.study()
    state = plan.application.on_nothing_left(plan.sweep, study)
    if state is None:
        return False
    with show_progress(queue):  # of which the last line is left
        pass
    write_state(study, state)
    directory = claim(plan.sweep.directory)
    OmegaConf.save(plan.sweep.config, directory / MULTIRUN)
    save_results(study, directory)
    return True


def _reason(error: Exception, plan: SweepPlan | None) -> str:
    """Return in one line what could not be written or reached, and what to do."""
    if isinstance(error, OSError):
        return str(cannot_write(str(error.filename or (plan.storage if plan else "hydra.sweep.dir")), error))
    return " ".join(str(error.__cause__ or error).partition("\n")[0].split()) + "; mend that, and run the command again"


@contextmanager
def _quiet_optuna() -> Iterator[None]:
    """Show only Optuna's warnings while this lasts; the progress display shows the rest."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _check_failures(sweep: Sweep, queue: Queue, results: JobResults) -> None:
    """Raise if more trials failed than may: what the first of them raised, as Hydra's own sweeper does.

    Raises:
        SweepFailedError: the first failure was no exception of a job.
    """
    counts = queue.counts()
    if not sweep.too_many_failed(counts):
        return
    first = next(trial for trial in queue.trials() if trial.user_attrs.get(OUTCOME) == FAILED)
    allowed = f"hydra.sweeper.max_failure_rate is {sweep.max_failure_rate:g}"
    failures = f"{counts.failed} of {counts.total} trials failed, {allowed}; the first, trial {first.number}"
    message = f"{failures}: {first.user_attrs[REASON]}"
    job = dict(results).get(first.number)
    if isinstance(job, JobReturn) and job.status == JobStatus.FAILED:
        try:
            _ = job.return_value
        except Exception as error:
            error.add_note(message)
            raise
    raise SweepFailedError(message)
