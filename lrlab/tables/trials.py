"""From the columns of a table to trials by setting: which column is what, which rows count, what the settings are."""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from lrlab.errors import InputError
from lrlab.scaling_law.roles import Role, guess, guess_accuracy, is_maximized
from lrlab.scaling_law.table import FloatArray, Table
from lrlab.tables.columns import Cell, Columns, Source, is_missing, number, plain
from lrlab.tables.run_columns import is_progress, is_record, unfinished

ASKED: Final[tuple[Role, ...]] = ("lr", "batch_size", "seed", "loss")
MEANINGS: Final[Mapping[Role, str]] = {
    "lr": "learning rate (--lr)",
    "batch_size": "batch size (--batch-size)",
    "loss": "loss (--loss)",
}
MAX_SETTINGS: Final = 2_000
Values = tuple[Cell, ...]


@dataclass(frozen=True)
class Trials:
    """The trials of a table.

    Attributes:
        source: name of what was read.
        roles: the column of each role; without a seed's if there is none.
        maximize: whether larger is better; the losses of the settings are then negative.
        by: the columns in which settings differ.
        settings: values of `by` -> trials.
        left_out: rows that were not used, and why: a line each.
        unused: columns that vary and are neither roles nor settings.
    """

    source: str
    roles: Mapping[Role, str]
    maximize: bool
    by: tuple[str, ...]
    settings: Mapping[Values, Table]
    left_out: tuple[str, ...]
    unused: tuple[str, ...] = ()

    @property
    def loss(self) -> str:
        """Return what the losses are, for axes and sentences."""
        return f"-{self.roles['loss']}" if self.maximize else self.roles["loss"]

    @property
    def how_read(self) -> tuple[str, ...]:
        """Return which column is what, and what was left out, as sentences."""
        better = "larger is better" if self.maximize else "smaller is better"
        seed = f"seed = {self.roles['seed']}" if "seed" in self.roles else "no seed"
        sizes = f"{self.roles['lr']} = learning rate, {self.roles['batch_size']} = batch size"
        count = len(self.settings)
        settings = f"{count} settings by {', '.join(self.by)}" if self.by else "one setting"
        columns = f"{sizes}, {self.roles['loss']} = objective ({better}), {seed}; {settings}"
        unused = f"not settings: {', '.join(self.unused)} (--by names others)"
        return (columns, *([unused] if self.unused else []), *self.left_out)


def read_trials(
    source: Source,
    given: Mapping[Role, str],
    *,
    by: Sequence[str] | None = None,
    maximize: bool | None = None,
    where: Mapping[str, str] | None = None,
) -> Trials:
    """Return the trials of a source by setting.

    Args:
        source: what was read.
        given: the columns that the user names; the others are guessed by their usual names.
        by: the columns in which settings differ; None for all that vary and are neither results nor derived.
        maximize: whether larger is better; None to tell by the source, or by the name of the metric.
        where: columns -> the value that a row must have to be used.

    Raises:
        InputError: a column is missing or holds what it may not, two trials are the same cell of one setting, no two
            batch sizes are left, or no trial ended with a finite loss.
    """
    columns = source.columns
    if not columns or not any(columns.values()):
        raise InputError(f"{source.name} must have rows, got none")
    roles = _roles(source, {role: _resolved(role, name, columns) for role, name in given.items()})
    known = source.maximize if roles["loss"] == source.loss else None
    upwards = next(choice for choice in (maximize, known, is_maximized(roles["loss"])) if choice is not None)
    kept = _only(columns, where or {})
    rows, left_out = _usable(columns, roles, kept)
    lr, batch_size, loss = (_numbers(columns, roles[role], rows) for role in ("lr", "batch_size", "loss"))
    _refuse(roles["lr"], lr, rows, "finite numbers > 0", wrong=~(np.isfinite(lr) & (lr > 0)))
    whole = np.isfinite(batch_size) & (batch_size >= 1) & (batch_size == np.floor(batch_size)) & (batch_size < 2**53)
    _refuse(roles["batch_size"], batch_size, rows, "whole numbers >= 1", wrong=~whole)
    if not np.isfinite(loss).any():
        raise InputError(f"column {roles['loss']!r} must hold a finite number in some row, got none in {len(rows)}")
    if len(np.unique(batch_size)) < 2:
        raise InputError(f"column {roles['batch_size']!r} must hold at least two values, got only {batch_size[0]:g}")
    values = {name: [plain(cells[row]) for row in rows] for name, cells in columns.items()}
    free = [name for name in columns if name not in roles.values() and (source.keys is None or name in source.keys)]
    if by is None:
        told = [name for name in free if not is_record(name, values[name]) and not is_progress(name)]
        chosen = [name for name in told if _is_setting(values[name], lr, batch_size)]
    else:
        chosen = list(dict.fromkeys(_resolved("by", name, columns) for name in by))
        if roled := [name for name in chosen if name in roles.values()]:
            raise InputError(f"--by cannot be {roled[0]!r}, which is a role already")
    keys = list(zip(*(values[name] for name in chosen), strict=True)) if chosen else [()] * len(rows)
    labels = values[roles["seed"]] if "seed" in roles else None
    for name in columns:
        if is_progress(name) and name not in (*chosen, *roles.values()):
            _refuse_steps(name, values[name], zip(batch_size, lr, labels or keys, keys, strict=True))
    seed = _seeds(labels, zip(batch_size, lr, keys, strict=True))
    table = Table(batch_size.astype(np.int64), lr, seed, _squarable(-loss if upwards else loss))
    if "seed" in roles:
        _refuse_twice(table, keys, rows, values, roles, free)
    if len(set(keys)) > MAX_SETTINGS:
        raise InputError(f"settings must be at most {MAX_SETTINGS}, got {len(set(keys))} by {', '.join(chosen)}")
    unused = tuple(name for name in free if name and name not in chosen and len(set(values[name])) > 1)
    left_out = [*source.left_out, *left_out]
    return Trials(source.name, roles, upwards, tuple(chosen), _grouped(table, keys), tuple(left_out), unused)


def _resolved(role: str, name: str, columns: Columns) -> str:
    """Return the column of a name: itself, or the only one that ends in it, such as `params.lr` for `lr`."""
    if name in columns:
        return name
    ending = [column for column in columns if column.endswith(f".{name}")]
    if len(ending) != 1:
        several = "there are several" if ending else "there is none"
        listed = ", ".join(map(repr, ending or list(columns)[:40]))
        option = f"--{role.replace('_', '-')}"
        raise InputError(f"{option} must be a column, got {name!r}, and {several}: {listed}")
    return ending[0]


def _roles(source: Source, given: dict[Role, str]) -> dict[Role, str]:
    """Return the column of every role but perhaps the seed."""
    columns = source.columns
    if source.loss and "loss" not in given:
        given["loss"] = source.loss
    filled = [name for name, cells in columns.items() if name and not all(map(is_missing, cells))]
    roles = guess([*filled, *(name for name in given.values() if name not in filled)], given, ASKED)
    if "loss" not in roles and (accuracy := guess_accuracy(name for name in filled if name not in roles.values())):
        roles["loss"] = accuracy
    for role, meaning in MEANINGS.items():
        if role not in roles:
            names = ", ".join(map(repr, list(columns)[:40]))
            raise InputError(f"{source.name} must have a column for the {meaning}, got none of a usual name in {names}")
    return roles


def _only(columns: Columns, where: Mapping[str, str]) -> Sequence[int]:
    """Return the rows that have these values."""
    rows: Sequence[int] = range(len(next(iter(columns.values()))))
    for key, text in where.items():
        cells = columns[_resolved("where", key, columns)]
        found = [row for row in rows if plain(cells[row]) == plain(text) or str(cells[row]) == text]
        if not found:
            known = ", ".join(dict.fromkeys(_short(cells[row]) for row in rows[:1000]))
            raise InputError(f"--where {key} must be one of {known[:200]}, got {text!r}")
        rows = found
    return rows


def _usable(columns: Columns, roles: Mapping[Role, str], kept: Sequence[int]) -> tuple[list[int], list[str]]:
    """Return those of the rows that have a learning rate, a batch size and a result, and why others have not."""
    count = len(kept)
    ended = unfinished(columns)
    rows, missing = [], Counter[str]()
    for row in kept:
        if row in ended:
            missing[ended[row]] += 1
            continue
        absent = next((roles[role] for role in MEANINGS if is_missing(columns[roles[role]][row])), None)
        if absent is None:
            rows.append(row)
        else:
            missing[f"no {absent}"] += 1
    if not rows:
        why = ", ".join(f"{number} have {what}" for what, number in missing.most_common())
        raise InputError(f"some row must be a run that finished with {', '.join(roles.values())}, got {count}: {why}")
    return rows, [f"{number} of {count} rows have {what}" for what, number in missing.items()]


def _numbers(columns: Columns, name: str, rows: Sequence[int]) -> FloatArray:
    values = [number(columns[name][row]) for row in rows]
    if None in values:
        row = rows[values.index(None)]
        raise InputError(f"column {name!r} must hold numbers, got {_short(columns[name][row])} in row {row + 1}")
    return np.array(values, dtype=np.float64)


def _refuse(name: str, column: FloatArray, rows: Sequence[int], allowed: str, *, wrong: npt.NDArray[np.bool_]) -> None:
    if wrong.any():
        at = int(wrong.argmax())
        raise InputError(f"column {name!r} must hold {allowed}, got {column[at]:g} in row {rows[at] + 1}")


def _short(cell: Cell) -> str:
    text = repr(cell)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _seeds(cells: Sequence[Cell] | None, places: Iterable[Hashable]) -> npt.NDArray[np.str_]:
    """Return labels (N,). Without a column for the seed the first trial of each place is of one seed, and so on."""
    if cells:
        return np.array([str(cell) for cell in cells])
    seen = Counter[Hashable]()
    labels = []
    for place in places:
        labels.append(str(seen[place]))
        seen[place] += 1
    return np.array(labels)


def _is_setting(cells: Sequence[Cell], lr: FloatArray, batch_size: FloatArray) -> bool:
    """Return whether a column varies, and most of its values come with several batch sizes and learning rates.

    Results, names and times come with one, and so does what is derived from the batch size, such as the updates.
    """
    places: dict[Hashable, tuple[set[float], set[float]]] = {}
    for cell, rate, size in zip(cells, lr, batch_size, strict=True):
        rates, sizes = places.setdefault(cell, (set(), set()))
        rates.add(rate)
        sizes.add(size)
    crossed = sum(len(rates) > 1 and len(sizes) > 1 for rates, sizes in places.values())
    return len(places) > 1 and 2 * crossed > len(places)


def _refuse_steps(name: str, steps: Sequence[Cell], places: Iterable[Hashable]) -> None:
    """Refuse the log of runs, row by row: its steps would pass for repetitions.

    In it, runs begin at the same step and go on to others. Repetitions that end at different steps do not.
    """
    logs: dict[Hashable, list[Cell]] = {}
    for place, step in zip(places, steps, strict=True):
        logs.setdefault(place, []).append(step)
    first, count = Counter(min(log, key=_order) for log in logs.values()).most_common(1)[0]
    longer = sum(first in log and len(set(log)) > 1 for log in logs.values())
    if 2 * min(count, longer) > len(logs):
        last = max(steps, key=_order)
        raise InputError(
            f"one row must be one run, got several that differ in {name!r}: keep the last of each run "
            f"(--where {name}={last}, if all have it), or name it as a setting (--by {name})"
        )


def _order(cell: Cell) -> float:
    value = number(cell)
    return -math.inf if value is None or math.isnan(value) else value


def _refuse_twice(
    table: Table,
    keys: Sequence[Values],
    rows: Sequence[int],
    values: Mapping[str, Sequence[Cell]],
    roles: Mapping[Role, str],
    free: Sequence[str],
) -> None:
    """Refuse two trials of one cell: nothing tells which of them counts."""
    first: dict[Hashable, int] = {}
    for place, cell in enumerate(
        zip(table.batch_size.tolist(), table.lr.tolist(), table.seed.tolist(), keys, strict=True)
    ):
        before = first.setdefault(cell, place)
        if before != place:
            differ = [name for name in free if values[name][before] != values[name][place]]
            hint = f"they differ in {', '.join(map(repr, differ[:5]))} (--by)" if differ else "remove one of them"
            size, rate, seed, _ = cell
            raise InputError(
                f"a setting must have each trial once, got {roles['batch_size']}={size}, {roles['lr']}={rate:g}, "
                f"{roles['seed']}={seed or '(empty)'} in rows {rows[before] + 1} and {rows[place] + 1}: {hint}"
            )


def _squarable(loss: FloatArray) -> FloatArray:
    """Return losses as `Table` wants them: what is beyond its largest has diverged."""
    limited: FloatArray = np.where(np.abs(loss) <= 1e100, np.where(np.abs(loss) < 1e-100, 0.0, loss), math.inf)
    return limited


def _grouped(table: Table, keys: Sequence[Values]) -> dict[Values, Table]:
    groups: dict[Values, list[int]] = {}
    for place, key in enumerate(keys):
        groups.setdefault(key, []).append(place)
    ordered = sorted(groups, key=lambda key: [(isinstance(v, str), v is None, v if v is not None else 0) for v in key])
    index = np.zeros(len(keys), int)
    for at, key in enumerate(ordered):
        index[groups[key]] = at
    return {key: table.rows(index == at) for at, key in enumerate(ordered)}
