"""Publish the report of a study: to outputs/reports/STUDY/, and to the sweep's own run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lrlab.analysis.report.report import Report, report
from lrlab.analysis.runs import read
from lrlab.config.command_line import Places
from lrlab.errors import InputError
from lrlab.tracking.artifacts import write
from lrlab.tracking.tracker import Tracker

if TYPE_CHECKING:
    import optuna


def publish(study: "optuna.Study", tracker: Tracker, places: Places, where: Mapping[str, str]) -> tuple[Report, Path]:
    """Write the report of a study, or of a part of it; return it with the path of its page.

    Args:
        study: one that lrlab trained.
        tracker: holds its runs; the report is attached to the sweep's run, under report/.
        places: where they are; the report goes into the output directory.
        where: values of configuration keys that a run must have to be reported on.

    Raises:
        InputError: the study is another application's, or has no data for any question of the report.
    """
    made = report(study, read(study, tracker, places).only(where))
    files = made.files()
    part = "".join(f",{key}={value}" for key, value in where.items())
    folder = places.outputs / "reports" / f"{made.study}{part}".replace("/", "_")
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
