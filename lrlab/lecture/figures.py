"""The lecture's line charts: to be hovered on the page, and told apart in grey."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from lrlab.plotting import theme
from lrlab.plotting.charts import Series, data, linear_axis, log_axis, spec, tooltip, zoom
from lrlab.plotting.figures import Figure

LOG_X, LOG_Y = {"xscale": "log"}, {"yscale": "log"}
LOG = LOG_X | LOG_Y
HEIGHT = 240
MOST_POINTS = 100  # of a line: more cannot be told apart
ROLES = "series", "reference", "background", "marked"
Role = Literal["series", "reference", "background", "marked"]


@dataclass(frozen=True)
class Line:
    """A curve: its name in the legend, its points, and what it is.

    Attributes:
        role: a "series" of its own colour; a dashed "reference"; thin "background"; points that are "marked".
    """

    name: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray
    role: Role = "series"


def curve(name: str, y: Sequence[float] | np.ndarray, role: Role = "series") -> Line:
    """Return the line of values after 1, 2, ... epochs, updates or steps."""
    return Line(name, range(1, len(y) + 1), y, role)


@dataclass(frozen=True)
class Chart:
    """A pair of axes: labels with units, and curves.

    Attributes:
        title: of a panel among several.
        axes: "xscale" and "yscale", which may be "log"; "xlim" and "ylim", beyond which lines are cut; "xticks".
        markers: whether every point has a mark, not only a tooltip.
        contours: lines of equal height behind all others, each an array (N, 2).
        order: whether the series go from little to much, such as batch sizes.
    """

    x: str
    y: str
    lines: Sequence[Line]
    title: str = ""
    axes: dict[str, Any] = field(default_factory=dict)
    markers: bool = False
    contours: Sequence[np.ndarray] = ()
    order: bool = False


def line_figure(*panels: Chart, title: str, caption: str) -> Figure:
    """Return charts, side by side where there is room, as one figure."""
    return Figure([draw(chart) for chart in panels], caption, title=title)


def draw(chart: Chart) -> dict[str, Any]:
    """Return a chart as a Vega-Lite specification; points that an axis cannot have are left out."""
    import altair as alt

    names = list(dict.fromkeys(line.name for line in chart.lines if line.role == "series"))
    series = Series(names, ordered=chart.order, lines=not chart.markers)
    tables: dict[str, list[dict[str, Any]]] = {role: [] for role in ROLES}
    for number, line in enumerate(chart.lines):
        tables[line.role] += _rows(chart, line, number)
    x, y = _axis(alt.X, chart, "x"), _axis(alt.Y, chart, "y")
    told = tooltip(series="line*", x=chart.x, y=chart.y) if any(names) else tooltip(x=chart.x, y=chart.y)
    picked, opacity = series.picked()
    place = {"x": x, "y": y, "order": alt.Order("step:Q"), "detail": "line:N"}
    layers, used = [], {}

    def layer(table: str, mark: str, style: dict[str, Any], **encoded: Any) -> None:
        if tables[table]:
            used[table] = tables[table]
            drawn = getattr(alt.Chart(data(table)), f"mark_{mark}")(clip=True, **style)
            layers.append(drawn.encode(**(place if mark == "line" else {"x": x, "y": y}), **encoded))

    tables["contours"] = [
        {"x": a, "y": b, "line": number, "step": step}
        for number, line in enumerate(chart.contours)
        for step, (a, b) in enumerate(line.round(3).tolist())
    ]
    layer("contours", "line", {"color": theme.FRAME, "strokeWidth": 0.7, "opacity": 0.55})
    layer("background", "line", {"color": theme.FRAME, "strokeWidth": 1, "opacity": 0.6}, tooltip=told)
    layer("reference", "line", {"color": theme.INK, "strokeDash": [5, 4], "strokeWidth": 1.4}, tooltip=told)
    layer("series", "line", {}, color=series.color, strokeDash=series.dash, opacity=opacity)
    if chart.markers:
        layer("series", "point", {"size": 45}, color=series.color, shape=series.shape, opacity=opacity, tooltip=told)
    else:
        layer("series", "point", {"size": 80, "opacity": 0}, tooltip=told)
    layer("marked", "point", {"size": 190, "filled": False, "strokeWidth": 2.4, "color": theme.MARKED}, tooltip=told)
    drawn = alt.layer(*layers).add_params(*([picked] if used.get("series") else []), zoom())
    return spec(drawn, chart.title, HEIGHT, series.names, **used)


def _rows(chart: Chart, line: Line, number: int) -> list[dict[str, Any]]:
    """Return a line as rows, thinned out evenly along the axis as it is drawn."""
    x, y = np.asarray(line.x, float), np.asarray(line.y, float)
    known = np.isfinite(x) & np.isfinite(y)
    for values, axis in ((x, "xscale"), (y, "yscale")):
        known &= (values > 0) | (chart.axes.get(axis) != "log")
    at = np.flatnonzero(known)
    if len(at) > MOST_POINTS:
        place = np.log(x[at]) if chart.axes.get("xscale") == "log" else x[at]
        if np.all(np.diff(place) > 0):
            at = at[np.unique(np.searchsorted(place, np.linspace(place[0], place[-1], MOST_POINTS)))]
        else:
            at = at[np.unique(np.linspace(0, len(at) - 1, MOST_POINTS).round().astype(int))]
    return [
        {"series": line.name, "line": number, "step": int(i), "x": _short(x[i]), "y": _short(y[i])} for i in at.tolist()
    ]


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _axis(channel: Any, chart: Chart, side: Literal["x", "y"]) -> Any:
    title = chart.x if side == "x" else chart.y
    limits, ticks = chart.axes.get(f"{side}lim"), chart.axes.get(f"{side}ticks", ())
    if chart.axes.get(f"{side}scale") == "log":
        rows = [_rows(chart, line, 0) for line in chart.lines]
        values = limits or [row[side] for line in rows for row in line] or (1, 10)
        return log_axis(channel, side, title, values, ticks, **({"domain": list(limits)} if limits else {}))
    return linear_axis(channel, side, title, ticks, **({"domain": list(limits)} if limits else {}))
