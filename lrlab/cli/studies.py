"""The commands about studies as a whole: ``list``, ``show``, ``trials``, ``delete``."""

import csv
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lrlab.cli.options import Json, Outputs, Records, StorageUrl, Study, TrackingUri
from lrlab.config.command_line import OUTPUTS
from lrlab.errors import InputError

if TYPE_CHECKING:
    from lrlab.commands.studies import StudySummary


def list_studies(outputs: Outputs = OUTPUTS, storage: StorageUrl = None, as_json: Json = False) -> None:
    """List the studies, the newest first: how far each is, and its best objective.

    \b
    examples:
      lrlab list
    """
    from lrlab.cli import console
    from lrlab.commands.studies import summaries

    console.result(summaries(Records(outputs, storage).storage()), _table, as_json=as_json)


def show_study(
    study: Study = None, outputs: Outputs = OUTPUTS, storage: StorageUrl = None, as_json: Json = False
) -> None:
    """Show what a study swept, how far it is, its best configuration, and where its records are.

    \b
    examples:
      lrlab show                                   # the newest study
    """
    from lrlab.cli import console
    from lrlab.commands.studies import summary

    records = Records(outputs, storage)
    found = summary(records.study(study))

    def view(shown: "StudySummary") -> None:
        _at_a_glance(shown)
        console.out().print(f"study in {records.storage()}, run {shown.run_id or 'none'}")

    console.result(found, view, as_json=as_json)


def trials(
    study: Study = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="comma-separated values on stdout")] = False,
    outputs: Outputs = OUTPUTS,
    storage: StorageUrl = None,
    as_json: Json = False,
) -> None:
    """List the trials of a study: outcome, objective, and the values that were swept.

    \b
    examples:
      lrlab trials --csv > trials.csv
    """
    from lrlab.cli import console
    from lrlab.commands.studies import trial_table

    if as_csv and as_json:
        raise InputError("--csv and --json exclude each other")
    rows = trial_table(Records(outputs, storage).study(study))
    if as_csv:
        names = rows[0] if rows else ["trial"]
        writer = csv.DictWriter(sys.stdout, names)
        writer.writeheader()
        writer.writerows(rows)
    else:
        console.result(rows, _rows, as_json=as_json)


def delete(
    study: Annotated[str, typer.Argument(metavar="STUDY")],
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    outputs: Outputs = OUTPUTS,
    storage: StorageUrl = None,
    tracking_uri: TrackingUri = None,
) -> int:
    """Delete a study. Its runs go to MLflow's trash.

    \b
    examples:
      lrlab delete quickstart_0131_1200_k3f9x
    """
    from lrlab.cli import console
    from lrlab.commands import studies as command

    records = Records(outputs, storage, tracking_uri)
    found = records.study(study)
    count = len(found.get_trials(deepcopy=False))
    if not yes and not _agreed(f"delete study {study} with {count} trials for good?"):
        console.err().print("nothing was deleted")
        return 1
    runs = command.delete(found, records.storage(), records.client_store(found))
    console.out().print(f"{study} is deleted, its {runs} runs are in MLflow's trash")
    return 0


def _agreed(question: str) -> bool:
    """Ask on the terminal.

    Raises:
        InputError: nobody is there to answer.
    """
    if not sys.stdin.isatty():
        raise InputError(f"{question} Say so with --yes")
    return typer.confirm(question, err=True)


def _table(rows: "list[StudySummary]") -> None:
    from lrlab.cli import console
    from lrlab.cli.table import WholeTable

    if not rows:
        console.err().print("there is no study yet")
        return
    headers = ("study", "sweep", "begun", "trials", "best")
    console.out().print(WholeTable([_cells(row) for row in rows], headers))


def _cells(row: "StudySummary") -> tuple[str, ...]:
    best = "" if row.best is None else f"{row.best:.4f}"
    begun = (row.begun or "")[:16].replace("T", " ")
    return row.study, row.sweep, begun, f"{row.trials.done}/{row.trials.total}", best


def _at_a_glance(found: "StudySummary") -> None:
    from dataclasses import asdict

    from lrlab.cli import console

    out = console.out()
    sweep = f" ({found.sweep})" if found.sweep else ""
    out.print(f"{found.study}{sweep}, begun {(found.begun or 'not yet').replace('T', ' ')}")
    counts = ", ".join(f"{count} {name}" for name, count in asdict(found.trials).items() if count)
    out.print(f"{found.trials.done} of {found.trials.total} trials done{f' ({counts})' if counts else ''}")
    for key, definition in found.swept.items():
        out.print(f"  {key}={definition}")
    if found.best is not None:
        values = ", ".join(f"{key}={console.short(value)}" for key, value in found.params.items())
        out.print(f"best objective {found.best:.4f} ({found.directions[0]}): {values}")


def _rows(rows: list[dict[str, Any]]) -> None:
    from lrlab.cli import console
    from lrlab.cli.table import WholeTable

    if not rows:
        console.err().print("there is no trial yet")
        return
    names = [name for name in rows[0] if name not in ("begun", "run_id")]
    cells = [["" if row[name] is None else console.short(row[name]) for name in names] for row in rows]
    console.out().print(WholeTable(cells, names))
