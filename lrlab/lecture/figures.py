"""The lecture's line charts, as the bytes of PNG files."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lrlab.plotting.figures import BLUE, GREEN, ORANGE, PURPLE, RED, SKY, figure, png

COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY, "#000000", "#888888")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LOG_X, LOG_Y = {"xscale": "log"}, {"yscale": "log"}
LOG = LOG_X | LOG_Y


@dataclass(frozen=True)
class Line:
    """A curve: its name in the legend, its points, and how it is drawn."""

    name: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    style: dict[str, Any] = field(default_factory=dict)


def curve(name: str, y: Sequence[float] | np.ndarray, **style: Any) -> Line:
    """Return the line of values after 1, 2, ... epochs, updates or steps."""
    return Line(name, range(1, len(y) + 1), y, style)


@dataclass(frozen=True)
class Chart:
    """A pair of axes: labels with units, and curves. Colours and markers are given in turn."""

    x: str
    y: str
    lines: Sequence[Line]
    title: str = ""
    axes: dict[str, Any] = field(default_factory=dict)


def charts(*panels: Chart, height: float = 3.6, markers: bool = False) -> bytes:
    """Draw charts side by side."""
    drawing, row = figure(max(5.6, 4.6 * len(panels)), height, ncols=len(panels), squeeze=False)
    for axes, chart in zip(row[0], panels, strict=True):
        draw(axes, chart, markers)
    return png(drawing)


def draw(axes: Any, chart: Chart, markers: bool = False) -> None:
    """Draw a chart on given axes."""
    for index, line in enumerate(chart.lines):
        style = {"color": COLOURS[index % len(COLOURS)], "linewidth": 1.6}
        if markers:
            style |= {"marker": MARKERS[index % len(MARKERS)], "markersize": 4}
        axes.plot(line.x, line.y, label=line.name, **(style | line.style))
    if all(float(x).is_integer() for line in chart.lines for x in line.x):
        axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(xlabel=chart.x, ylabel=chart.y, title=chart.title, **chart.axes)
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            _tick(axis)
    axes.grid(alpha=0.3)
    if any(line.name for line in chart.lines):
        axes.legend(fontsize=8)


def _tick(axis: Any) -> None:
    """Label a logarithmic axis of few decades with few and plain numbers: 1, 2, 5, 10, 20, ..."""
    low, high = axis.get_view_interval()
    if high / low < 1000 and not len(axis.get_major_locator().tick_values(low, high)) > 20:
        decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))))
        ticks = [m * 10.0**n for n in decades for m in ((1, 2, 5) if high / low < 100 else (1, 3))]
        shown = [tick for tick in ticks if low <= tick <= high]
        axis.set_ticks(shown, labels=[f"{tick:g}" for tick in shown])
        axis.set_ticks([], minor=True)
