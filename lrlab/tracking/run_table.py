"""What MLflow's run table shows of an experiment: a view that MLflow keeps in a tag, and an address that opens it."""

import json
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from lrlab.tracking.tags import Tag

NAME: Final = "lrlab"  # of the view, in the address
TAG: Final = f"mlflow.sharedViewState.{NAME}"
NAME_COLUMN, CREATED = "attributes.`Run Name`", "runDateAndNestInfo"  # columns that are always there
NAME_WIDTH, CREATED_WIDTH = 320, 130  # pixels
MAX_LENGTH: Final = 5000  # characters that MLflow keeps of an experiment's tag


def view(metrics: Sequence[str], params: Sequence[str], tags: Sequence[str] = ()) -> dict[str, str]:
    """Return the tags of an experiment whose table has these columns, the most interesting ones first.

    The newest runs come first, and a sweep's trials fold out below it.
    """
    columns = [_column("metrics", name) for name in metrics] + [_column("params", name) for name in params]
    columns += [_column("tags", name) for name in tags]
    while len(text := _state(columns)) > MAX_LENGTH:
        columns.pop()
    return {TAG: text}


def of_sweep(metrics: Sequence[str], swept: Sequence[str]) -> dict[str, str]:
    """Return the view of an experiment that holds sweeps.

    Args:
        metrics: the objective, and what else tells how good a trial is.
        swept: keys.
    """
    return view(metrics, swept, [Tag.ANSWER])


def of_trainings() -> dict[str, str]:
    """Return the view of an experiment that holds single trainings."""
    params = ("optimizer.lr", "batch_size", "optimizer", "model", "data")
    return view(("val/loss", "val/accuracy"), params, [Tag.LEARNING_RATE])


def address(server: str, experiment: str, *, has_view: bool) -> str:
    """Return the address of an experiment's runs in MLflow's user interface, among the pages for trained models."""
    shown = f"&viewStateShareKey={quote(NAME)}" if has_view else ""
    return f"{server}/#/experiments/{experiment}/runs?workflowType=machine_learning{shown}"


def _column(kind: str, name: str) -> str:
    return f"{kind}.`{name}`"


def _state(columns: Sequence[str]) -> str:
    order = [NAME_COLUMN, CREATED, *columns]  # a column that is not in it would keep its width
    widths = {NAME_COLUMN: NAME_WIDTH, CREATED: CREATED_WIDTH}
    state = {"selectedColumns": columns, "columnOrder": order, "columnWidths": widths}
    return json.dumps(state, separators=(",", ":"))
