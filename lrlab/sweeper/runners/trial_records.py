"""The runs of trials that are jobs of somebody's own Hydra application, and of their sweep."""

from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import TaskFunction
from omegaconf import DictConfig
from optuna.exceptions import UpdateFinishedTrialError

from lrlab.config.command_line import Places
from lrlab.config.override import overrides_of
from lrlab.runs.job_record import Job, JobRecord
from lrlab.runs.recorder import close, status_of
from lrlab.sweeper import sweep_run
from lrlab.sweeper.course import log_course
from lrlab.sweeper.job_tracking import JobTracking, plain
from lrlab.sweeper.runners.protocols import TrialEnd
from lrlab.sweeper.running_job import RunningJob
from lrlab.sweeper.study.objective import numbers_of, objective, short
from lrlab.sweeper.study.open_runs import trials_of
from lrlab.sweeper.study.queue import RUN_ID, TrialCounts
from lrlab.sweeper.study.ranking import ranked
from lrlab.sweeper.study.reuse import tag_reused_runs
from lrlab.sweeper.study.state import SweepState
from lrlab.sweeper.trial_name import trial_name
from lrlab.tracking.tags import Tag

if TYPE_CHECKING:
    import optuna


class TrialRecords:
    """Records the jobs of one worker, one after another.

    Args:
        tracking: where.
        state: of the sweep.
        elsewhere: whether the worker is on another machine than the sweep.
    """

    def __init__(self, tracking: JobTracking, state: SweepState, *, elsewhere: bool = False) -> None:
        self._tracking, self._state, self._elsewhere = tracking, state, elsewhere
        self._tracker = tracking.open()
        self._record: JobRecord | None = None
        self._folder: Path | None = None

    def recorded(self, task: TaskFunction, running: RunningJob, job: DictConfig) -> TaskFunction:
        """Return a task that is recorded while it runs; what it reports goes to the record, too.

        Args:
            running: gets the record.
            job: the composed config, with its hydra node.
        """
        trial, launch = running.trial, self._state.launch
        assert trial is not None
        assert launch is not None

        @wraps(task)
        def recorded_task(config: DictConfig) -> Any:
            self._folder = Path(HydraConfig.get().runtime.output_dir)
            self._record = running.record = JobRecord(
                self._tracker,
                self._tracking.address,
                Job(
                    name=trial_name(trial.number, trial.params),
                    launch=launch,
                    overrides=overrides_of(job, "task"),
                    config=plain(config, resolve=True),
                    written=plain(config, resolve=False),
                    parent=self._state.run_id,
                    tags={Tag.TRIAL: str(trial.number)},
                ),
            )
            try:
                return task(config)
            finally:
                with suppress(UpdateFinishedTrialError):  # taken over
                    trial.set_user_attr(RUN_ID, self._record.run_id)

        return recorded_task

    def end(self, end: TrialEnd, directions: int) -> None:
        """End the run of a job as its trial ends."""
        record, self._record = self._record, None
        if record is None:  # Hydra could not even begin it
            return
        status, tags = "FINISHED", {}
        numbers: list[float] = []
        if end.state == "complete":
            numbers = numbers_of(end.value)
            try:
                objective(end.value, directions)
            except ValueError:
                status, tags = "FAILED", {Tag.DIVERGED: "true"}
            except TypeError:
                numbers = []
        elif end.state == "lost":
            status, tags = "KILLED", {Tag.ABANDONED: "true"}
        elif end.state == "pruned":
            status, tags = "KILLED", {Tag.PRUNED: "true"}
        else:
            status, tags = "FAILED", {Tag.NOTE: end.reason}
        returned = short(end.value) if end.state == "complete" else ""
        record.end(status, objective=numbers, returned=returned, folder=self._folder, tags=tags)  # type: ignore[arg-type]

    def close(self) -> None:
        """End the run of a job that was interrupted, and close the tracker."""
        if self._record:
            self._record.end("KILLED")
        close(self._tracker, deliver=self._elsewhere)


def end_sweep(
    tracking: JobTracking, state: SweepState, study: "optuna.Study", error: BaseException | None, here: Places
) -> None:
    """Close the run of a sweep, with its best trial; leave it open while other sweeps run trials of the study.

    Args:
        here: where the records are, for the commands to type.

    Raises:
        RecordsLeftError: of this host, or of another one.
    """
    counts = TrialCounts.of(study.get_trials(deepcopy=False))
    with tracking.open() as tracker:
        if error is not None:
            log_course(tracker, state.run_id, study)
            tracker.end_run(state.run_id, status_of(error))
            tracker.close_orphans(sweeps=[trials_of(study, state.run_id)])
            return
        if counts.running:
            return
        tag_reused_runs(study, tracker)
        tracker.set_tags(state.run_id, {Tag.N_TRIALS: str(counts.total)})  # a bracket adds to those asked for
        log_course(tracker, state.run_id, study)
        settings = ranked(study) if len(study.directions) == 1 else []
        if settings:
            best = settings[0]
            run_id = study.get_trials(deepcopy=False)[best.trial].user_attrs.get(RUN_ID, "")
            tracker.log_metrics(state.run_id, best.trial, {"objective": best.mean})
            tracker.set_tags(state.run_id, {Tag.BEST_RUN_ID: run_id})
        tracker.end_run(state.run_id)
        sweep_run.close_runs(study, tracker, state.run_id, here)
