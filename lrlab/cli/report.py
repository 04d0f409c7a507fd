"""The command ``report``: of a study, or of a table of trials that ended elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lrlab.cli.options import Json, Outputs, Records, StorageUrl, Study, TrackingUri
from lrlab.config.command_line import OUTPUTS
from lrlab.errors import InputError

if TYPE_CHECKING:
    from lrlab.scaling_law.roles import Role
    from lrlab.tables.trials import Trials

From = Annotated[
    list[str],
    typer.Option("--from", metavar="TABLE", help="FILE, mlflow:EXPERIMENT, optuna:STUDY@STORAGE or wandb:EXPORT.csv"),
]
Column = Annotated[str | None, typer.Option(metavar="COLUMN", help="of a table; default: by its usual names")]
By = Annotated[
    str | None, typer.Option(metavar="COLUMN,…", help="of a table: what settings differ in; default: all that vary")
]
Maximize = Annotated[bool | None, typer.Option("--maximize/--minimize", help="of a table's loss; default: by its name")]


def report(
    study: Study = None,
    where: Annotated[list[str], typer.Option(metavar="KEY=VALUE", help="only runs with this value")] = [],  # noqa: B006
    source: From = [],  # noqa: B006
    lr: Column = None,
    batch_size: Column = None,
    loss: Column = None,
    seed: Column = None,
    by: By = None,
    maximize: Maximize = None,
    outputs: Outputs = OUTPUTS,
    storage: StorageUrl = None,
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> None:
    """Report how the best learning rate moves with the batch size.

    Draws figures and reaches a verdict: of a study, or of a table of runs that ended elsewhere, whose settings are
    pooled.

    \b
    examples:
      lrlab report                                 # the newest study; writes OUTPUTS/reports/STUDY/index.html
      lrlab report --json                          # the verdict, for programs
      lrlab report --where optimizer=adam          # of a study with several
      lrlab report --from runs.csv --lr optimizer.lr --batch-size bs --loss "val loss" --by depth,width
      lrlab report --from mlflow:EXPERIMENT --tracking-uri http://HOST:5000
    """
    columns: dict[Role, str | None] = {"lr": lr, "batch_size": batch_size, "loss": loss, "seed": seed}
    given = {role: name for role, name in columns.items() if name is not None}
    records = Records(outputs, storage, tracking_uri)
    if source:
        if study:
            raise InputError(f"report must be of a study or --from a table, got both: {study!r} and {source[0]!r}")
        trials = _trials(source, given, by, maximize, where, records)
        _report_table(trials, outputs, as_json=as_json)
        return
    if given or by is not None or maximize is not None:
        option = next(iter([*given, *(["by"] if by is not None else []), "maximize"]))
        raise InputError(f"--{option.replace('_', '-')} must come with --from, got a study")
    _report_study(study, where, records, as_json=as_json)


def _report_study(study: str | None, where: list[str], records: Records, *, as_json: bool) -> None:
    from lrlab.cli import answers, console
    from lrlab.commands.report import conditions, publish

    chosen = records.study(study)
    records.check_kept(chosen)
    with records.tracker(chosen) as tracker:
        made, page = publish(chosen, tracker, records, conditions(where))
    if as_json:
        verdict = made.verdict() if made.scaling else {"study": made.study}
        console.json_document(verdict | {"answers": answers.to_json(made.answers)})
    else:
        answers.report(made, page, where, records)


def _trials(
    source: list[str],
    given: "dict[Role, str]",
    by: str | None,
    maximize: bool | None,
    where: list[str],
    records: Records,
) -> "Trials":
    from lrlab.commands.report import conditions
    from lrlab.tables.source import read
    from lrlab.tables.trials import read_trials

    if len(source) > 1:
        raise InputError(f"--from must be given once, got {len(source)}: {', '.join(map(repr, source))}")
    outputs = str(records.outputs)
    storage = records.storage_url or f"journal:{records.outputs / 'optuna.log'}"
    table = read(source[0], tracking_uri=records.tracking_uri, storage_url=storage, outputs=outputs)
    names = None if by is None else [name.strip() for name in by.split(",") if name.strip()]
    return read_trials(table, given, by=names, maximize=maximize, where=conditions(where))


def _report_table(trials: "Trials", outputs: Path, *, as_json: bool) -> None:
    from lrlab.cli import console
    from lrlab.commands.report import publish_table

    made, page = publish_table(trials, outputs)
    console.result(made.to_dict(), lambda _: console.table_report(made, page), as_json=as_json)
