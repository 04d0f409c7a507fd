"""Columns that tell how a run went, not how it was configured: its times and names, its end, and its results.

None of them makes a setting unless it is named: runs that are told apart by their results no longer tell which
learning rate is best.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from lrlab.scaling_law.roles import is_maximized
from lrlab.tables.columns import Cell, is_missing, number

RECORDS: Final = re.compile(
    r"|unnamed_\d+(_level_\d+)?|index|id|number|(run|trial)(_(id|name|uuid))?|(created|updated)(_at)?|date|time|timestamp"
    r"|datetime(_(start|complete))?|(start|end)(_time)?|started|finished|runtime|duration|elapsed(_time)?|wall_?time"
    r"|user(_name)?|host(name)?|node|(git_)?commit|state|status|tags|notes"
)
PROGRESS: Final = re.compile(r"(current_)?epoch|((global|training)_)?step|(training_)?iteration|iter|update")
RESULTS: Final = re.compile(r"loss|error|err|nll|perplexity|ppl|r?mse|mae|objective")
ENDS: Final = re.compile(r"|finished|completed?|success|succeeded|successful|done|ok")
NO_ENDS: Final = re.compile(
    r"crashed|fail|failed|failure|error|killed|running|pruned|waiting|pending|queued|scheduled|preempt(ed|ing)|aborted"
    r"|cancell?ed|interrupted|timeout|unfinished"
)


def is_record(name: str, cells: Sequence[Cell]) -> bool:
    """Return whether a column is about the record of a run, such as its date, or is one of its results."""
    whole = re.sub(r"\W+", "_", name.strip().lower()).strip("_")
    if RECORDS.fullmatch(whole):
        return True
    words = re.split(r"[\W_]+", whole)
    named = RESULTS.fullmatch(words[-1]) or is_maximized(whole)
    return bool(named) and all(number(cell) is not None for cell in cells if not is_missing(cell))


def is_progress(name: str) -> bool:
    """Return whether a column usually counts the steps of one run."""
    last = re.split(r"[./:]", name.strip().lower())[-1]
    return PROGRESS.fullmatch(re.sub(r"\W+", "_", last).strip("_")) is not None


def unfinished(columns: Mapping[str, Sequence[Cell]]) -> dict[int, str]:
    """Return row -> how it says that its run did not finish, such as "State crashed"."""
    found: dict[int, str] = {}
    for name, cells in columns.items():
        if re.split(r"[\W_]+", name.strip().lower())[-1] not in ("state", "status"):
            continue
        words = [str(cell or "").strip().lower() for cell in cells]
        if all(ENDS.fullmatch(word) or NO_ENDS.fullmatch(word) for word in set(words)):
            found |= {row: f"{name} {word}" for row, word in enumerate(words) if NO_ENDS.fullmatch(word)}
    return found
