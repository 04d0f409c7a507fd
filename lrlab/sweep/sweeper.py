"""`hydra/sweeper: lrlab`: from the command line of a multirun to a study, its workers and its results."""

import copy
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from hydra._internal.callbacks import Callbacks
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import CompactHydraException
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, read_write

from lrlab.errors import InputError
from lrlab.sweep import bracket
from lrlab.sweep import study as studies
from lrlab.sweep.compose import Composer
from lrlab.sweep.job import JobApplication
from lrlab.sweep.progress import watching
from lrlab.sweep.queue import FAILED, OUTCOME, REASON, Queue
from lrlab.sweep.results import save_results
from lrlab.sweep.runner import Application, Sweep
from lrlab.sweep.search import Search, enumerates
from lrlab.sweep.settings import Settings
from lrlab.sweep.space import space
from lrlab.sweep.stopping import stoppable
from lrlab.sweep.storage import Storage, check_writable
from lrlab.sweep.storage import parse as parse_storage
from lrlab.sweep.study import Terms
from lrlab.sweep.worker import Worker

BASIC_LAUNCHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


class Refused(InputError, CompactHydraException):
    """An `InputError` in the form that Hydra prints as its one line."""


class SweepFailed(CompactHydraException):
    """Too many trials failed."""


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
        raise Refused(str(error)) from error


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
    terms = Terms(settings.directions, search.space.shown, search.fixed)
    plan = search.plan(settings.n_trials)
    study = studies.find(storage, name)
    if study is not None:
        studies.check_terms(study, terms)
        Queue(storage, name).missing(plan)
    sweep = Sweep(
        config=config,
        composer=Composer(hydra_context.config_loader, config),
        study=name,
        directory=directory,
        trials=len(plan),
        workers=settings.n_jobs,
        probes=search.space.probes(),
        extras=study.user_attrs.get(studies.EXTRAS) if study else None,
    )
    application = _application(task_function, hydra_context)
    extras = application.prepare(sweep)  # the last of the checks; from here on it is written

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # what it says, the progress display says
    study = study or studies.create(storage, name, terms)
    study.set_user_attr(studies.EXTRAS, dict(extras))
    queue = Queue(storage, name)
    queue.repair()
    past = queue.tally()
    queue.fill(plan)
    directory.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(config, directory / "multirun.yaml")
    worker = Worker(
        sweep=sweep,
        application=application,
        extras=extras,
        storage=storage,
        search=search,
        past=past.done + past.running,
        max_failure_rate=settings.max_failure_rate,
    )
    error: BaseException | None = None
    with stoppable() as stop:
        try:
            with watching(queue), stop.at_once():
                results = _launch(worker, hydra_context, config)
                for _ in range(bracket.ROUNDS):
                    more = bracket.further(search.space, queue.trials(), settings.directions)
                    if not more or queue.tally().waiting:  # all done, or stopped because too many failed
                        break
                    queue.add(more)
                    results += _launch(worker, hydra_context, config)
            _check_failures(queue, settings.max_failure_rate, results)
        except BaseException as raised:
            error = raised
            raise
        finally:
            queue.repair()
            save_results(study, directory)
            application.conclude(sweep, extras, study, error)
    return [[result for _, result in sorted(results, key=lambda pair: pair[0])]]


def _application(task_function: TaskFunction, hydra_context: HydraContext) -> Application:
    if isinstance(task_function, Application):
        return task_function
    return JobApplication(task_function, hydra_context)


def _search(settings: Settings, arguments: list[str], hydra_context: HydraContext) -> Search:
    """The search space of `params` and the command line, which wins, with sampler and pruner tried out."""
    given = [f"{key}={value}" for key, value in settings.params.items()] + arguments
    parser = OverridesParser.create(config_loader=hydra_context.config_loader)
    found = space(parser.parse_overrides(given))
    custom, target = settings.custom_search_space, settings.sampler["_target_"]
    search = Search(
        space=found,
        enumerates=enumerates(found, target, settings.n_trials, custom),
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


def _launch(worker: Worker, hydra_context: HydraContext, config: DictConfig) -> list[tuple[int, Any]]:
    """Run the workers as jobs of Hydra's launcher that leave no folder, no log file and call no callbacks."""
    quiet = HydraContext(config_loader=hydra_context.config_loader, callbacks=Callbacks())
    config = copy.deepcopy(config)
    with read_write(config.hydra):
        config.hydra.overrides.hydra += [
            *worker.sweep.probes[0],  # some choice, for configs that cannot be composed without
            "hydra.sweep.subdir=.",
            "hydra.output_subdir=null",
            "hydra.job.chdir=false",
            "hydra/job_logging=none",
        ]
    launcher = Plugins.instance().instantiate_launcher(quiet, worker, config)
    returned = launcher.launch([[]] * worker.sweep.workers, initial_job_idx=0)
    return [result for job in returned for result in job.return_value]


def _check_failures(queue: Queue, allowed: float, results: list[tuple[int, Any]]) -> None:
    """Raise if more trials failed than may: what the first of them raised, as Hydra's own sweeper does.

    Raises:
        SweepFailed: the first failure was no exception of a job.
    """
    tally = queue.tally()
    if tally.failed <= allowed * tally.total:
        return
    first = next(trial for trial in queue.trials() if trial.user_attrs.get(OUTCOME) == FAILED)
    message = (
        f"{tally.failed} of {tally.total} trials failed, hydra.sweeper.max_failure_rate is {allowed:g}; "
        f"the first, trial {first.number}: {first.user_attrs[REASON]}"
    )
    job = dict(results).get(first.number)
    if isinstance(job, JobReturn) and job.status == JobStatus.FAILED:
        try:
            _ = job.return_value
        except Exception as error:
            error.add_note(message)
            raise
    raise SweepFailed(message)
