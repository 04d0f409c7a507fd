"""The end of a sweep of lrlab's own trainer: its run is closed with what was found, which is shown."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lrlab.analysis.answers.answers import answers
from lrlab.analysis.runs import read
from lrlab.cli import answers as shown
from lrlab.cli import console
from lrlab.commands.best import best
from lrlab.commands.sweep_description import describe
from lrlab.config.command_line import Places
from lrlab.sweeper import sweep_run
from lrlab.sweeper.course import log_course
from lrlab.sweeper.study.queue import TrialCounts
from lrlab.sweeper.study.reuse import tag_reused_runs
from lrlab.tracking.store import MissingRunError
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import TerminalStatus, Tracker, UnreachableError

if TYPE_CHECKING:
    import optuna


def end(study: "optuna.Study", tracker: Tracker, run_id: str, metrics: Sequence[str], here: Places) -> None:
    """Close the run of a sweep, link its best child, and say what was found.

    Args:
        metrics: of the best trial that the run of the sweep shows.
        here: where the sweep is, for the commands to type.

    Raises:
        InputError: no trial is the best.
        RecordsLeftError: of this host, or of another one.
    """
    status: TerminalStatus = "FINISHED"
    try:
        tag_reused_runs(study, tracker)
        total = TrialCounts.of(study.get_trials(deepcopy=False)).total
        tracker.set_tags(run_id, {Tag.N_TRIALS: str(total)})  # a bracket adds to those asked for
        log_course(tracker, run_id, study)
        found = best(study, tracker)
        told = answers(study, read(study, tracker, here), here)
        columns = {name: found.metrics[name] for name in metrics if name in found.metrics}
        tracker.log_metrics(run_id, found.trial, columns)
        tracker.set_tags(run_id, {Tag.BEST_RUN_ID: found.run_id})
        describe(study, told, tracker, here)
        shown.sweep_ended(told, found, here)
    except MissingRunError as missing:  # deleted meanwhile: the sweep itself is done
        console.err().print(str(missing))
    except UnreachableError as trouble:  # it has everything in the end: what is missing waits in the spool
        console.runs_unreadable(study.study_name, str(trouble), here)
    except (KeyboardInterrupt, SystemExit):
        status = "KILLED"  # so that the next `lrlab resume` makes up for it
        raise
    finally:
        tracker.end_run(run_id, status)
    sweep_run.close_runs(study, tracker, run_id, here)
