"""Few points, drawn with letters."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from lrlab.analysis.answers.answer import Plot

MARKS: Final = "●○▲△■□"
MIN_WIDTH: Final = 60  # of a terminal
WIDTH, HEIGHT = 56, 10  # of what lies between the axes


def lines(plot: Plot, width: int = WIDTH, height: int = HEIGHT) -> Iterator[str]:
    """Yield the lines of a plot: its points, the ends of its axes, its labels; none for fewer than two points.

    A point that is not finite, or not above 0 on a logarithmic axis, is left out; one that a later series covers, too.
    """
    drawn = [
        (mark, [(_at(x, log=plot.log_x), _at(y, log=plot.log_y)) for x, y in points])
        for mark, points in zip(MARKS, plot.series.values(), strict=False)
    ]
    shown = [(mark, [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]) for mark, points in drawn]
    xs, ys = ([point[axis] for _, points in shown for point in points] for axis in (0, 1))
    if len(xs) < 2:
        return
    canvas = [[" "] * width for _ in range(height)]
    for mark, points in shown:
        for x, y in points:
            canvas[height - 1 - _cell(y, ys, height)][_cell(x, xs, width)] = mark
    top, bottom = (_tick(end, log=plot.log_y) for end in (max(ys), min(ys)))
    margin = max(len(top), len(bottom))
    scale = " (log)" if plot.log_y else ""
    yield f"{plot.y}{scale}"
    for number, row in enumerate(canvas):
        label = top if number == 0 else bottom if number == height - 1 else ""
        yield f"{label:>{margin}} │{''.join(row).rstrip()}"
    yield f"{'':>{margin}} └{'─' * width}"
    left, right = _tick(min(xs), log=plot.log_x), _tick(max(xs), log=plot.log_x)
    middle = f"{plot.x}{' (log)' if plot.log_x else ''}"
    yield f"{'':>{margin}}  {left}{middle:^{max(width - len(left) - len(right), len(middle) + 2)}}{right}"
    if len(plot.series) > 1:
        yield "  ".join(f"{mark} {name}" for mark, name in zip(MARKS, plot.series, strict=False))


def _at(value: float, *, log: bool) -> float:
    """Return where a value lies on its axis; NaN for one that has no place there."""
    if not log:
        return value
    return math.log(value) if value > 0 else math.nan


def _cell(value: float, values: Sequence[float], cells: int) -> int:
    low, high = min(values), max(values)
    return round((value - low) / (high - low) * (cells - 1)) if high > low else cells // 2


def _tick(value: float, *, log: bool) -> str:
    return f"{math.exp(value) if log else value:.3g}"
