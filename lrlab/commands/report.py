"""Publish reports to outputs/reports/: of a study, and to the sweep's own run; of a table of trials."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lrlab.analysis.job_runs import read_runs
from lrlab.analysis.report.report import Report, report
from lrlab.analysis.report.table_report import TableReport, table_report
from lrlab.analysis.runs import Runs
from lrlab.commands.best import best
from lrlab.commands.sweep_description import describe
from lrlab.config.command_line import Places
from lrlab.errors import InputError
from lrlab.tables.trials import Trials
from lrlab.tracking.artifacts import write
from lrlab.tracking.store import MissingRunError
from lrlab.tracking.tracker import RunRecord, Tracker

log = logging.getLogger(__name__)

if TYPE_CHECKING:
    import optuna


def publish(study: "optuna.Study", tracker: Tracker, places: Places, where: Mapping[str, str]) -> tuple[Report, Path]:
    """Write the report of a study, or of a part of it; return it with the path of its page.

    Args:
        study: one whose trials have runs.
        tracker: holds them; the report is attached to the sweep's run, under report/.
        places: where they are; the report goes into the output directory.
        where: values of configuration keys that a run must have to be reported on.

    Raises:
        InputError: the study was not recorded, or has no data for any question of the report.
    """
    runs = read_runs(study, tracker, places)
    if runs.left_out:
        log.warning("%s", runs.left_out)
        _warn_of_the_best(study, tracker)
    made = report(study, runs.only(where), records=_records(tracker, runs))
    files = made.files()
    part = "".join(f",{key}={value}" for key, value in where.items())
    folder = places.outputs / "reports" / f"{made.study}{part}".replace("/", "_")
    write(folder, files)
    try:
        tracker.get_run(made.parent)
        tracker.log_artifacts(made.parent, {f"report{part}/{name}": content for name, content in files.items()})
        if not where:  # a part is not the answer
            describe(study, made.answers, tracker, places, report="report/index.html")
    except MissingRunError as error:
        log.warning("the report is not attached to the sweep's own run: %s", error)
    return made, folder / "index.html"


def publish_table(trials: Trials, outputs: Path) -> tuple[TableReport, Path]:
    """Write the report of a table of trials; return it with the path of its page."""
    made = table_report(trials.source, trials.settings, trials.by, loss=trials.loss, how_read=trials.how_read)
    name = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in trials.source).strip(".")
    folder = outputs / "reports" / (name[:100] or "table")
    write(folder, made.files())
    return made, folder / "index.html"


def _records(tracker: Tracker, runs: Runs) -> list[RunRecord]:
    """Return the records of the sweep and of its first run, as far as they are there."""
    found = []
    for run_id in (runs.parent, runs.runs[0].run_id):
        with suppress(MissingRunError):
            found.append(tracker.get_run(run_id))
    return found


def _warn_of_the_best(study: "optuna.Study", tracker: Tracker) -> None:
    """Say it where the best configuration is among those whose runs are missing."""
    try:
        best(study, tracker)
    except InputError as error:
        log.warning("%s", error)


def conditions(arguments: Sequence[str]) -> dict[str, str]:
    """Return KEY=VALUE arguments as a mapping.

    Raises:
        InputError: one has no "=".
    """
    for text in arguments:
        if "=" not in text:
            raise InputError(f"--where must be KEY=VALUE, got {text!r}")
    return dict(text.split("=", 1) for text in arguments)
