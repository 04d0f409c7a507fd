"""Publish the report of a study: to outputs/reports/STUDY/, and to the sweep's own run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lrlab.analysis.job_runs import read_jobs
from lrlab.analysis.report.report import Report, report
from lrlab.analysis.runs import read
from lrlab.errors import InputError
from lrlab.sweep.study.state import read_state
from lrlab.tracking.artifacts import write
from lrlab.tracking.tracker import Tracker

if TYPE_CHECKING:
    import optuna


def publish(study: "optuna.Study", tracker: Tracker, outputs: Path, where: Mapping[str, str]) -> tuple[Report, Path]:
    """Write the report of a study, or of a part of it; return it with the path of its page.

    Args:
        study: one whose trials have runs.
        tracker: holds them; the report is attached to the sweep's run, under report/.
        outputs: the output directory.
        where: values of configuration keys that a run must have to be reported on.

    Raises:
        InputError: the study was not recorded, or has no data for any question of the report.
    """
    state = read_state(study)
    runs = read_jobs(study, state, tracker) if state and state.launch else read(study, tracker)
    made = report(study, runs.only(where))
    files = made.files()
    part = "".join(f",{key}={value}" for key, value in where.items())
    folder = outputs / "reports" / f"{made.study}{part}".replace("/", "_")
    write(folder, files)
    tracker.log_artifacts(made.parent, {f"report{part}/{name}": content for name, content in files.items()})
    return made, folder / "index.html"


def conditions(arguments: Sequence[str]) -> dict[str, str]:
    """Return KEY=VALUE arguments as a mapping.

    Raises:
        InputError: one has no "=".
    """
    for text in arguments:
        if "=" not in text:
            raise InputError(f"--where must be KEY=VALUE, got {text!r}")
    return dict(text.split("=", 1) for text in arguments)
