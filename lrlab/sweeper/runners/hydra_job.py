"""The runner of any Hydra application: one ordinary Hydra job per trial."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus, configure_log, filter_overrides, run_job
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, read_write

from lrlab.config import environment
from lrlab.config.flatten import flatten
from lrlab.config.hydra_compat import exception_of
from lrlab.config.secrets import is_secret
from lrlab.errors import InputError
from lrlab.runs.job_record import OBJECTIVE
from lrlab.runtime.signals import SignalHandler, TimeLimitError
from lrlab.sweeper import sweep_run
from lrlab.sweeper.compose import Composer
from lrlab.sweeper.job_tracking import command_of, job_tracking, parent_run, place_of, places
from lrlab.sweeper.launching.shared_files import check_runs
from lrlab.sweeper.roles import RolesOfSweep, given
from lrlab.sweeper.runners.job_return import reason_of
from lrlab.sweeper.runners.protocols import Sweep, TrialEnd, WorkerContext
from lrlab.sweeper.runners.trial_records import TrialRecords, end_sweep
from lrlab.sweeper.running_job import RunningJob, reporting
from lrlab.sweeper.study.objective import short
from lrlab.sweeper.study.queue import IS_JOB
from lrlab.sweeper.study.state import SweepState
from lrlab.tracking import run_table
from lrlab.tracking.database import without_password
from lrlab.tracking.source_tags import program_tags
from lrlab.tracking.tags import Tag

if TYPE_CHECKING:
    import optuna

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobApplication:
    """A task function without hooks of its own, as an `lrlab.sweeper.runners.protocols.Application`."""

    task_function: TaskFunction
    hydra_context: HydraContext
    resume_ignored_keys: tuple[str, ...] = ()

    def directions(self, config: DictConfig, given: tuple[str, ...] | None) -> tuple[str, ...]:
        return given or ("minimize",)

    def terms(self, composer: Composer, overrides: Sequence[str]) -> Mapping[str, Any]:
        """Return the whole configuration as it is written: what it refers to may depend on the job and the time.

        Secrets are left out: they may change, and are kept nowhere.
        """
        config: Any = OmegaConf.to_container(composer.unresolved(overrides), resolve=False, enum_to_str=True)
        return {key: value for key, value in flatten(config).items() if not is_secret(key, value)}

    def description(self, sweep: Sweep) -> Mapping[str, str]:
        tracking = job_tracking(sweep.config, sweep.state)
        recorded = f"recorded in MLflow, {without_password(tracking.address)}" if tracking else "not recorded"
        return {"objective": "what the task returns", "runs": f"one Hydra job each, in {sweep.directory}, {recorded}"}

    def check(self, sweep: Sweep) -> None:
        for overrides in sweep.boundary_overrides:
            check_subdir(sweep.composer.job(overrides, 0), sweep.directory)
        self.roles(sweep)
        if tracking := job_tracking(sweep.config, sweep.state):
            check_runs(sweep.config.hydra, "hydra.sweeper.tracking", tracking.address)
            environment.announce(environment.TRACKING_URI, tracking.mlflow.uri)
            tracking.mlflow.announce()
            tracking.mlflow.verify(tracking.outputs)

    def prepare(self, sweep: Sweep) -> SweepState:
        """Open the parent run, unless the study has one."""
        state = self.state_of(sweep)
        tracking = job_tracking(sweep.config, sweep.state)
        if tracking is None:
            return replace(state, run_id="", runs=None)
        state = replace(state, runs=place_of(tracking, sweep.config))
        if run_id := parent_run(sweep.config):
            return replace(state, run_id=run_id)
        names = (
            [OBJECTIVE] if len(sweep.directions) == 1 else [f"{OBJECTIVE}_{i}" for i in range(len(sweep.directions))]
        )
        with tracking.open(run_table.of_sweep(names, sweep.swept)) as tracker:
            if state.run_id:
                sweep_run.reopen(tracker, state.run_id)
                return state
            run_id = tracker.create_run(
                sweep.study,
                params={"study": sweep.study},
                tags={Tag.STUDY: sweep.study, Tag.N_TRIALS: str(sweep.trials), **self._program_tags(state)},
            )
        return replace(state, run_id=run_id)

    def state_of(self, sweep: Sweep) -> SweepState:
        """Return the state of a study, with what is asked for now."""
        known, roles = sweep.state or SweepState(), dict(self.roles(sweep).known)
        return replace(known, command=command_of(sweep.config), roles=roles, question=sweep.question)

    def check_host(self, sweep: Sweep, state: SweepState) -> None:
        """Look for the file that holds the runs, if there is one."""
        if state.run_id and (tracking := job_tracking(sweep.config, state)):
            tracking.mlflow.check_exists(tracking.outputs)

    def runner(self, context: WorkerContext) -> "JobRunner":
        tracking = job_tracking(context.sweep.config, context.state) if context.state.run_id else None
        records = TrialRecords(tracking, context.state, elsewhere=context.elsewhere) if tracking else None
        return JobRunner(self.task_function, self.hydra_context, context, records)

    def on_sweep_end(self, sweep: Sweep, state: SweepState, study: "optuna.Study", error: BaseException | None) -> None:
        """Close the parent run, unless it was given."""
        tracking = job_tracking(sweep.config, state)
        if tracking and state.run_id and not parent_run(sweep.config):
            end_sweep(tracking, state, study, error, places(sweep.config))

    def on_nothing_left(self, sweep: Sweep, study: "optuna.Study") -> SweepState | None:
        """Return None: it says nothing at the end, which costs little."""
        return None

    def roles(self, sweep: Sweep) -> RolesOfSweep:
        """Return what the keys of the application mean.

        Raises:
            InputError: `hydra.sweeper.roles` names what there is not.
        """
        config: Any = OmegaConf.to_container(sweep.composer.unresolved(sweep.boundary_overrides[0]), resolve=False)
        typed = [override.lstrip("+~").partition("=")[0] for override in sweep.boundary_overrides[0]]
        return RolesOfSweep.of(list(flatten(config)), typed, given(sweep.config))

    def _program_tags(self, state: SweepState) -> dict[str, str]:
        return program_tags(state.launch.program) if state.launch else {}


class JobRunner:
    """Runs one job at a time, as Hydra's own sweeper does: its folder, its logs, its callbacks.

    The number of the job is that of the trial. What the task returns is the objective.
    """

    def __init__(
        self,
        task_function: TaskFunction,
        hydra_context: HydraContext,
        context: WorkerContext,
        records: TrialRecords | None = None,
    ) -> None:
        sweep = context.sweep
        self._task_function, self._hydra_context, self._sweep = task_function, hydra_context, sweep
        self._signals, self._lost, self._records = context.signals, context.lost, records
        self._wanted = Path(sweep.config.hydra.sweep.dir).absolute()  # another sweep may have it
        self._next: tuple[optuna.Trial, DictConfig] | None = None
        self._log_as_hydra()

    @property
    def free_slots(self) -> int:
        return 0 if self._next else 1

    def start(self, trial: "optuna.Trial", overrides: Sequence[str]) -> None:
        job = self._sweep.composer.job(overrides, trial.number)
        check_subdir(job, self._sweep.directory)
        if Path(_evaluated(job, "hydra.sweep.dir")).absolute() == self._wanted:
            with read_write(job.hydra):
                job.hydra.sweep.dir = str(self._sweep.directory)
        trial.set_user_attr(IS_JOB, True)
        log.info("\t#%d : %s", trial.number, " ".join(filter_overrides(overrides)))
        self._next = trial, job

    def advance(self) -> Sequence[TrialEnd]:
        assert self._next is not None
        trial, job = self._next
        self._next = None
        running = RunningJob(trial)
        task = _raising(self._task_function, self._signals)
        if self._records:
            task = self._records.recorded(task, running, job)
        with reporting(running), self._signals.interruptible():
            returned = run_job(
                hydra_context=self._hydra_context,
                task_function=task,
                config=job,
                job_dir_key="hydra.sweep.dir",
                job_subdir_key="hydra.sweep.subdir",
            )
            self._signals.check()  # what a job made of its interruption is no result
        if trial.number in self._lost():
            end = TrialEnd(trial.number, "lost")
        elif returned.status == JobStatus.COMPLETED:
            end = TrialEnd(trial.number, "complete", returned.return_value, result=returned)
        else:
            end = _failed(trial.number, returned)
        if self._records:
            self._records.end(end, len(trial.study.directions))
        self._log_as_hydra()
        return [end]

    def prune(self, trial: int) -> None:
        """Jobs are pruned from inside, by `lrlab.report`."""

    def close(self) -> None:
        self._next = None
        self._log_as_hydra()  # a job that was interrupted has left its own
        if self._records:
            self._records.close()

    def _log_as_hydra(self) -> None:
        """Configure logging as Hydra does between jobs, each of which has its own."""
        configure_log(self._sweep.config.hydra.hydra_logging, self._sweep.config.hydra.verbose)


def _raising(task_function: TaskFunction, signals: SignalHandler) -> TaskFunction:
    """Return a task that fails where the given one leaves by other means than an Exception, such as `sys.exit`.

    Hydra would let these through, and the sweep would end as if it were done. Ctrl-C and signals still end it.
    """

    @wraps(task_function)
    def task(config: DictConfig) -> Any:
        try:
            return task_function(config)
        except (Exception, KeyboardInterrupt, TimeLimitError):
            raise
        except BaseException as error:
            if signals.received is not None:
                raise
            raise RuntimeError(f"the job left by {short(error)}") from error

    return task


def check_subdir(job: DictConfig, directory: Path) -> None:
    """Refuse a job whose folder is outside the sweep's.

    Raises:
        InputError: `hydra.sweep.subdir` leaves `hydra.sweep.dir`.
    """
    subdir = str(_evaluated(job, "hydra.sweep.subdir"))
    if not (directory / subdir).resolve().is_relative_to(directory.resolve()):
        raise InputError(f"hydra.sweep.subdir must stay inside hydra.sweep.dir ({directory}), got {subdir!r}")


def _evaluated(job: DictConfig, key: str) -> Any:
    """Return a value whose interpolations may read the `hydra` node of the job."""
    from hydra.core.hydra_config import HydraConfig

    instance = HydraConfig.instance()
    before = instance.cfg
    instance.set_config(job)
    try:
        return OmegaConf.select(job, key)
    finally:
        instance.cfg = before


def _failed(number: int, returned: JobReturn) -> TrialEnd:
    """Return the end of a trial whose job raised."""
    error = exception_of(returned)
    from optuna import TrialPruned

    if isinstance(error, TrialPruned):
        return TrialEnd(number, "pruned", reason=str(error), result=returned)
    log.error("Trial %d failed", number, exc_info=error)
    return TrialEnd(number, "failed", reason=reason_of(error), result=returned)
