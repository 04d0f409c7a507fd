"""A CSV export of W&B: of its table of runs, or of `api.runs` with the columns `config` and `summary`."""

import ast
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from lrlab.errors import InputError
from lrlab.tables.columns import Cell, Source, from_rows
from lrlab.tables.text_files import read_csv

STATE: Final = ("State", "state")
MAX_CELL: Final = 100_000  # characters of a nested cell


def read_wandb(path: Path) -> Source:
    """Return the runs that finished, columns of JSON or Python dictionaries opened.

    Raises:
        InputError: see `read_csv`; or a nested cell cannot be read.
    """
    columns = read_csv(path)
    names = list(columns)
    nested = {name for name, cells in columns.items() if any(_is_nested(cell) for cell in cells)}
    state = next((columns[name] for name in STATE if name in columns), None)
    kept, dropped = [], 0
    for number, cells in enumerate(zip(*columns.values(), strict=True)):
        if state and str(state[number]).lower() not in ("finished", "none", ""):
            dropped += 1
            continue
        row = dict(zip(names, cells, strict=True))
        kept.append({name: _opened(name, cell, number) if name in nested else cell for name, cell in row.items()})
    left_out = (f"{dropped} of {dropped + len(kept)} runs did not finish",) if dropped else ()
    return Source(path.stem, from_rows(kept, path.name), left_out=left_out)


def _is_nested(cell: Cell) -> bool:
    return isinstance(cell, str) and cell.startswith("{") and cell.endswith("}")


def _opened(name: str, cell: Cell, number: int) -> Any:
    if not isinstance(cell, str) or not _is_nested(cell):
        return cell
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        value = _python_literal(name, cell, number)
    return _without_wrapping(value)


def _python_literal(name: str, cell: str, number: int) -> Any:
    """Return the value of a dictionary as Python prints it. Nothing is executed: literals are the only grammar."""
    try:
        if len(cell) > MAX_CELL:
            raise ValueError
        return _literal(ast.parse(cell, mode="eval").body)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise InputError(f"column {name!r} must hold JSON objects, got {cell[:40]!r} in row {number + 1}") from None


def _literal(node: ast.AST) -> Any:
    match node:
        case ast.Dict(keys=keys, values=values):
            pairs: Iterable[tuple[Any, Any]] = zip(keys, values, strict=True)
            return {str(_literal(key)): _literal(value) for key, value in pairs}
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_literal(element) for element in elements]
        case ast.Name(id="nan"):
            return math.nan
        case ast.Name(id="inf"):
            return math.inf
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_literal(operand)
        case ast.Constant(value=value):
            return value
    raise ValueError(type(node).__name__)


def _without_wrapping(value: Any) -> Any:
    """Return `{"lr": 0.1}` for `{"lr": {"value": 0.1, "desc": null}}`, as W&B's own config files have it."""
    if not isinstance(value, Mapping):
        return value
    return {
        key: each["value"] if isinstance(each, Mapping) and set(each) <= {"value", "desc"} and "value" in each else each
        for key, each in value.items()
    }
