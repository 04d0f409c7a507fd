"""The record of a Hydra job that is no trial of a sweep: a run of its own, from the first value to the end."""

import atexit
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.errors import RecordsLeftError
from lrlab.sweeper.running_job import RunningJob

if TYPE_CHECKING:
    from hydra.core.utils import JobReturn

    from lrlab.tracking.mlflow_tracker import MlflowTracker

MAX_OBJECTIVES = 10  # numbers that a task may return as its objectives: more are a result of another kind

log = logging.getLogger(__name__)


@dataclass
class PlainJob:
    """A job with the tracker of its run; both are None where the application does not want a record."""

    returned: "JobReturn"
    running: RunningJob
    tracker: "MlflowTracker | None"


_latest: PlainJob | None = None


def current(*, asked: bool) -> RunningJob | None:
    """Return the job that Hydra runs around the caller, in this thread; None if there is none to record.

    Args:
        asked: whether the application has asked for a record, beyond what it reports to a sweep.
    """
    if "hydra" not in sys.modules:
        return None
    from lrlab.config.hydra_compat import job_around

    returned = job_around()
    if returned is None:
        return None
    global _latest  # Hydra runs one job at a time in a process
    if _latest is None or _latest.returned is not returned:
        _end()
        _latest = _begin(returned, asked=asked)
    elif asked and _latest.running.record is None:
        _latest = _begin(returned, asked=True)
    return _latest.running


def _begin(returned: "JobReturn", *, asked: bool) -> PlainJob:
    from lrlab.config.override import overrides_of
    from lrlab.runs.job_record import Job, JobRecord
    from lrlab.sweeper.job_tracking import job_tracking, launch_of, plain, uses_lrlab

    config: Any = returned.hydra_cfg
    tracking = job_tracking(config) if asked or uses_lrlab(config) else None
    if tracking is None:
        return PlainJob(returned, RunningJob(), None)
    tracker = tracking.open()
    atexit.unregister(_end)
    atexit.register(_end)
    job = Job(
        name=config.hydra.job.name,
        launch=launch_of(config),
        overrides=overrides_of(config, "task"),
        config=plain(returned.cfg, resolve=True),  # type: ignore[arg-type]
        written=plain(returned.cfg, resolve=False),  # type: ignore[arg-type]
    )
    record = JobRecord(tracker, tracking.address, job)
    log.info("Recorded as run %s", record.run_id)
    return PlainJob(returned, RunningJob(record=record), tracker)


def _end() -> None:
    """End the run of the latest job: it is over when the next one begins, or the process ends."""
    global _latest
    job, _latest = _latest, None
    if job is None or job.tracker is None or job.running.record is None:
        return
    from hydra.core.utils import JobStatus

    from lrlab.sweeper.study.objective import numbers_of, short

    returned, config = job.returned, job.returned.hydra_cfg
    folder = Path(config.hydra.runtime.output_dir) if config else None
    with job.tracker:
        if returned.status == JobStatus.COMPLETED:
            value = returned.return_value
            numbers = numbers_of(value)
            objective = numbers if len(numbers) <= MAX_OBJECTIVES else ()
            job.running.record.end("FINISHED", objective=objective, returned=short(value), folder=folder)
        else:  # left by sys.exit or a signal, too
            job.running.record.end("FAILED", folder=folder)
        try:
            job.tracker.deliver()
        except RecordsLeftError as left:
            log.warning("%s", left)
