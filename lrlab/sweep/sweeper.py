"""`hydra/sweeper: lrlab`: from the command line of a multirun to a study, its workers and its results."""

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import CompactHydraException
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from optuna.exceptions import StorageInternalError

from lrlab.errors import InputError
from lrlab.runtime.signals import handle_signals
from lrlab.sweep.compose import Composer
from lrlab.sweep.progress import show_progress
from lrlab.sweep.results import save_results
from lrlab.sweep.runners.hydra_job import JobApplication
from lrlab.sweep.runners.protocols import Application, Sweep
from lrlab.sweep.search import bracket
from lrlab.sweep.search.space import parse_space
from lrlab.sweep.search.strategy import SearchStrategy, is_exhaustive
from lrlab.sweep.settings import Settings
from lrlab.sweep.study import study as studies
from lrlab.sweep.study.queue import FAILED, OUTCOME, REASON, Queue
from lrlab.sweep.study.state import SweepState, read_state, write_state
from lrlab.sweep.study.storage import Storage, check_writable
from lrlab.sweep.study.storage import parse as parse_storage
from lrlab.sweep.study.study import StudySpec
from lrlab.sweep.worker import Worker
from lrlab.sweep.worker_pool import Results, WorkerPool

BASIC_LAUNCHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


class InvalidSweepError(InputError, CompactHydraException):
    """An `InputError` in the form that Hydra prints as its one line."""


class SweepFailedError(CompactHydraException):
    """Too many trials failed, or what they came to cannot be kept."""


def sweep(
    settings: Mapping[str, Any],
    arguments: list[str],
    hydra_context: HydraContext,
    task_function: TaskFunction,
    config: DictConfig,
) -> list[list[JobReturn]]:
    """Run a sweep; returns what Hydra's own sweeper does: one batch of job returns, in trial order.

    Raises:
        InputError: something given cannot be used; nothing has been written.
        SweepFailed, or what a task raised: more than `max_failure_rate` of the trials failed.
    """
    try:
        return _sweep(Settings.read(settings), arguments, hydra_context, task_function, config)
    except InputError as error:
        raise InvalidSweepError(str(error)) from error
    except (OSError, StorageInternalError) as error:
        if hasattr(error, "__notes__"):  # a task raised it, see `_check_failures`
            raise
        cause = error if isinstance(error, OSError) else error.__cause__ or error
        reason = " ".join(str(cause).partition("\n")[0].split())
        raise SweepFailedError(f"the sweep cannot go on: {reason}; when that is mended, it can be resumed") from error


def _sweep(
    settings: Settings,
    arguments: list[str],
    hydra_context: HydraContext,
    task_function: TaskFunction,
    config: DictConfig,
) -> list[list[JobReturn]]:
    search = _search(settings, arguments, hydra_context)
    storage = parse_storage(settings.storage, Path(config.hydra.runtime.cwd))
    directory = Path(config.hydra.sweep.dir).absolute()
    _check_places(settings, storage, directory, config.hydra.launcher["_target_"])
    name = settings.study_name or _fresh_name(config.hydra.job.name)
    application = _application(task_function, hydra_context)
    fixed = tuple(override for override in search.fixed if _root(override) not in application.resume_ignored_keys)
    spec = StudySpec(settings.directions, search.space.definitions, fixed)
    plan = search.planned_trials(settings.n_trials)
    sweep = Sweep(
        config=config,
        composer=Composer(hydra_context.config_loader, config),
        study=name,
        directory=directory,
        trials=len(plan),
        workers=settings.n_jobs,
        boundary_overrides=search.space.boundary_overrides(),
        state=_stored_state(storage, name, spec, plan),
    )
    application.check(sweep)  # the last of the checks; from here on it is written

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # what it says, the progress display says
    with storage.exclusive():
        sweep = replace(sweep, state=_stored_state(storage, name, spec, plan))  # another sweep may have been quicker
        state = application.prepare(sweep)
        study = studies.create(storage, name, spec)
        write_state(study, state)
        queue = Queue(storage, name)
        queue.repair()
        past = queue.counts()
        queue.enqueue_missing(plan)
    directory.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(config, directory / "multirun.yaml")
    worker = Worker(
        sweeper=os.getpid(),
        directions=settings.directions,
        sweep=sweep,
        application=application,
        state=state,
        storage=storage,
        search=search,
        past=past.done + past.running,
        max_failure_rate=settings.max_failure_rate,
    )

    def conclude(error: BaseException | None) -> None:
        with storage.exclusive():
            queue.repair()
        save_results(study, directory)
        application.on_sweep_end(sweep, state, study, error)

    with handle_signals() as stop:
        try:
            with show_progress(queue):
                results = WorkerPool(worker, hydra_context, config, storage, queue).run(stop)
            _check_failures(worker, queue, results)
        except BaseException as error:
            with suppress(Exception):  # what went wrong first is what is told
                conclude(error)
            raise
        conclude(None)
    return [[result for _, result in sorted(results, key=lambda pair: pair[0])]]


def _stored_state(storage: Storage, name: str, spec: StudySpec, plan: Sequence[Mapping[str, Any]]) -> SweepState | None:
    """Return what the application prepared for a study before; None if there is no such study.

    Raises:
        InputError: the study cannot be resumed with this specification and plan.
    """
    study = studies.find(storage, name)
    if study is None:
        return None
    studies.check_spec(study, spec)
    Queue(storage, name).missing_from(plan)
    return read_state(study)


def _root(override: str) -> str:
    """The top-level key of an override."""
    return override.lstrip("+~").partition("=")[0].partition(".")[0]


def _application(task_function: TaskFunction, hydra_context: HydraContext) -> Application:
    if isinstance(task_function, Application):
        return task_function
    return JobApplication(task_function, hydra_context)


def _search(settings: Settings, arguments: list[str], hydra_context: HydraContext) -> SearchStrategy:
    """The search space of `params` and the command line, which wins, with sampler and pruner tried out."""
    given = [f"{key}={value}" for key, value in settings.params.items()] + arguments
    parser = OverridesParser.create(config_loader=hydra_context.config_loader)
    found = parse_space(parser.parse_overrides(given))
    custom, target = settings.custom_search_space, settings.sampler["_target_"]
    search = SearchStrategy(
        space=found,
        is_exhaustive=is_exhaustive(found, target, settings.n_trials, custom),
        sampler_config=settings.sampler,
        pruner_config=settings.pruner,
        custom=custom,
        allow=settings.allow,
    )
    bracket.check(search, settings.directions)
    search.sampler("", 0, 0)
    search.pruner()
    if custom:
        search.custom_function()
    return search


def _check_places(settings: Settings, storage: Storage, directory: Path, launcher: str) -> None:
    """Refuse what cannot be written, and workers that could not meet."""
    basic = launcher == BASIC_LAUNCHER
    if settings.n_jobs > 1 and basic:
        raise InputError(f"hydra.sweeper.n_jobs={settings.n_jobs} needs a parallel launcher: hydra/launcher=joblib")
    if storage.is_memory and not (basic and settings.n_jobs == 1):
        raise InputError("hydra.sweeper.storage=memory needs hydra.sweeper.n_jobs=1 and hydra/launcher=basic")
    storage.check_writable()
    check_writable(directory, "hydra.sweep.dir")


def _fresh_name(job: str) -> str:
    """No two sweeps share it, even if they start in the same second."""
    return f"{job}_{time.strftime('%Y-%m-%d_%H-%M-%S')}_{secrets.token_hex(2)}"


def _check_failures(worker: Worker, queue: Queue, results: Results) -> None:
    """Raise if more trials failed than may: what the first of them raised, as Hydra's own sweeper does.

    Raises:
        SweepFailed: the first failure was no exception of a job.
    """
    tally = queue.counts()
    if not worker.too_many_failed(tally):
        return
    first = next(trial for trial in queue.trials() if trial.user_attrs.get(OUTCOME) == FAILED)
    allowed = f"hydra.sweeper.max_failure_rate is {worker.max_failure_rate:g}"
    what = f"{tally.failed} of {tally.total} trials failed, {allowed}; the first, trial {first.number}"
    message = f"{what}: {first.user_attrs[REASON]}"
    job = dict(results).get(first.number)
    if isinstance(job, JobReturn) and job.status == JobStatus.FAILED:
        try:
            _ = job.return_value
        except Exception as error:
            error.add_note(message)
            raise
    raise SweepFailedError(message)
