"""The run of a sweep itself: opened again when the sweep goes on, and what it says of an end that was reached."""

from contextlib import suppress
from typing import TYPE_CHECKING

from lrlab.config.command_line import Places
from lrlab.sweeper import course
from lrlab.sweeper.study.open_runs import trials_of, wait_for_others
from lrlab.tracking.store import MissingRunError
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import Tracker, UnreachableError

if TYPE_CHECKING:
    import optuna


def reopen(tracker: Tracker, run_id: str) -> None:
    """Let the run of a sweep go on, without a best run as yet; one that another sweep has open stays that one's."""
    with suppress(MissingRunError):
        try:
            is_open = tracker.get_run(run_id).status == "RUNNING"
        except UnreachableError:  # this, too, waits in the spool
            is_open = False
        if not is_open:
            tracker.reopen_run(run_id)
            tracker.set_tags(run_id, {Tag.BEST_RUN_ID: ""})


def has_ended(study: "optuna.Study", tracker: Tracker, run_id: str) -> bool:
    """Return whether the end of a sweep is on record: its run is closed as finished, with the best of all its trials.

    The status decides, for it is written last: it is RUNNING while trials are added (see `reopen`), and still so, or
    KILLED, where the sweep was killed between its last trial and its end. The course tells of trials that another
    sweep of the study added meanwhile. A best run that was deleted since has to be told of.
    """
    with suppress(MissingRunError, UnreachableError):
        run = tracker.get_run(run_id)
        best, shown = run.tags.get(Tag.BEST_RUN_ID), run.metrics.get(course.OBJECTIVE, ())
        if run.status == "FINISHED" and Tag.ANSWER in run.tags and best and len(shown) == len(course.points(study)):
            tracker.get_run(best)
            return True
    return False


def close_runs(study: "optuna.Study", tracker: Tracker, run_id: str, here: Places) -> None:
    """Deliver what is left of the records of a sweep that has ended, and close the runs that nobody else will.

    Args:
        here: where the records are, for the commands to type.

    Raises:
        RecordsLeftError: of this host, or of another one.
    """
    tracker.deliver()
    tracker.close_orphans(sweeps=[trials_of(study, run_id)])
    wait_for_others(study, tracker, run_id, here)
