"""Parts of charts: axes, series that can be told apart in grey, zoom, and what the legend singles out.

Data rows have the names of this package's own making for their columns: what somebody calls a key is a title, and
never a part of an expression.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lrlab.plotting import theme

if TYPE_CHECKING:
    import altair as alt

HEIGHT = 320
ROWS = "rows"  # the data of a chart that has but one table
Rows = Sequence[Mapping[str, Any]]
FADED = 0.12
NUMBER = ".6~g"  # 0.01, 64, 0.000001: as one writes them


def data(name: str = ROWS) -> "alt.NamedData":
    """Return a reference to rows that `spec` puts into the specification."""
    import altair as alt

    return alt.NamedData(name=name)


def spec(
    chart: Any, title: str = "", height: int = HEIGHT, legend: Iterable[str] = (), **tables: Rows
) -> dict[str, Any]:
    """Return a chart as a Vega-Lite specification that fills the width it is given.

    Args:
        chart: of Altair, its data by name.
        title: of a panel; "" for none.
        height: in pixels.
        legend: its entries, by whose length a page finds how many are beside each other.
        tables: the rows by these names.
    """
    sized = chart.properties(width="container", height=height)
    made: dict[str, Any] = (sized.properties(title=title) if title else sized).to_dict(
        validate=False  # against the whole schema: most of the time of a report; Vega-Lite itself does when it draws
    )
    made.pop("config", None)
    made["datasets"] = {name: list(rows) for name, rows in tables.items()}
    made["config"] = theme.CONFIG
    made["usermeta"] = {"legend": list(legend)}
    made["autosize"] = {"type": "fit-x", "contains": "padding"}
    plain: dict[str, Any] = _plain(made)
    return plain


def log_axis(
    channel: Any, field: str, title: str, values: Iterable[float], ticks: Sequence[float] = (), **scale: Any
) -> Any:
    """Return a logarithmic axis whose ticks are plain numbers, such as 0.01 or 64, and no more than can be read.

    Args:
        channel: alt.X or alt.Y.
        field: of the rows.
        title: with the unit.
        values: what it has to reach, above 0.
        ticks: where they are; default: 1, 2, 5, 10, … or fewer.
        scale: further properties.
    """
    import altair as alt

    low, high = padded(min(values := list(values)), max(values))
    kind: dict[str, Any] = {"type": "log", "nice": False, "domain": [low, high]} | scale
    axis = alt.Axis(format=NUMBER, labelOverlap="greedy", values=list(ticks) or log_ticks(low, high))
    return channel(f"{field}:Q", title=title, scale=dict(**kind), axis=axis)


def log_ticks(low: float, high: float) -> list[float]:
    """Return plain numbers from `low` to `high`: 1, 2, 5, 10, …, or 1, 10, …, or fewer of them."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    if high / low < 6:
        parts: tuple[float, ...] = (1, 1.5, 2, 3, 4, 5, 6, 8)
    else:
        parts = (1, 2, 5) if high / low < 500 else (1,)
    every = max(1, math.ceil((last - first) / 8)) if len(parts) == 1 else 1
    ticks = [float(f"{part}e{power}") for power in range(first, last + 1, every) for part in parts]
    return [tick for tick in ticks if low <= tick <= high]


def linear_axis(channel: Any, field: str, title: str, ticks: Sequence[float] = (), **scale: Any) -> Any:
    """Return a linear axis that need not begin at zero; see `log_axis`."""
    import altair as alt

    kind: dict[str, Any] = {"zero": False, "nice": "domain" not in scale} | scale
    axis = alt.Axis(format=NUMBER, labelOverlap="greedy", **({"values": list(ticks)} if ticks else {"tickCount": 6}))
    return channel(f"{field}:Q", title=title, scale=dict(**kind), axis=axis)


def epoch_axis(channel: Any, field: str, title: str, last: int) -> Any:
    """Return an axis of whole numbers from 1, or from 0."""
    import altair as alt

    few: dict[str, Any] = {"values": list(range(last + 1))} if last <= 10 else {"tickCount": 10, "tickMinStep": 1}
    axis = alt.Axis(format="d", **few)  # a count of 2 would have a tick at 1.5, which is written as a second 2
    return channel(f"{field}:Q", title=title, scale=dict(zero=False, nice=False, padding=10), axis=axis)


def value_axis(channel: Any, field: str, title: str, values: Iterable[float], **scale: Any) -> Any:
    """Return an axis of these values: logarithmic if they are above 0 and far apart, so that all are in sight."""
    known = [value for value in values if np.isfinite(value)]
    if known and min(known) > 0 and max(known) / min(known) > 3:
        return log_axis(channel, field, title, known, **scale)
    return linear_axis(channel, field, title, **scale)


def padded(low: float, high: float, share: float = 0.04) -> tuple[float, float]:
    """Return ends a little further out, as logarithms, so that no mark is cut."""
    factor = max((high / low) ** share, 1.05)
    return low / factor, high * factor


@dataclass(frozen=True)
class Series:
    """How named series look: colour, and dash or shape beside it, so that they are told apart in grey, too.

    Attributes:
        names: in their order.
        title: of the legend; "" for none.
        field: of the rows, that holds the name.
        ordered: whether they go from little to much, such as batch sizes.
        lines: whether they are lines without points, which the legend shows as such.
    """

    names: Sequence[str]
    title: str = ""
    field: str = "series"
    ordered: bool = False
    lines: bool = False

    @property
    def color(self) -> Any:
        """Return the colours."""
        import altair as alt

        return alt.Color(self._shorthand, scale=self._scale(self._colours), legend=self._legend(), sort=None)

    @property
    def shape(self) -> Any:
        """Return the shapes of points."""
        import altair as alt

        return alt.Shape(self._shorthand, scale=self._scale(theme.SHAPES), legend=self._legend(), sort=None)

    @property
    def dash(self) -> Any:
        """Return the dashes of lines."""
        import altair as alt

        return alt.StrokeDash(self._shorthand, scale=self._scale(theme.DASHES), legend=self._legend(), sort=None)

    def picked(self) -> tuple[Any, Any]:
        """Return a selection by clicks into the legend, and the opacity that singles out what is selected."""
        import altair as alt

        chosen = alt.selection_point(name="picked", fields=[self.field], bind="legend", toggle="true")
        return chosen, alt.condition(chosen, alt.value(1.0), alt.value(FADED))

    @property
    def _colours(self) -> list[str]:
        count = len(self.names)
        return theme.ordered(count) if self.ordered else [theme.category(index) for index in range(count)]

    @property
    def _shorthand(self) -> str:
        return f"{self.field}:N"

    def _legend(self) -> Any:
        import altair as alt

        if len(self.names) < 2:
            return None
        looks: dict[str, Any] = (
            {"symbolType": "stroke", "symbolSize": 320, "symbolStrokeWidth": 2.5} if self.lines else {}
        )
        return alt.Legend(title=self.title or None, symbolOpacity=1, **looks)

    def _scale(self, values: Sequence[Any]) -> Any:

        count = len(self.names)
        return dict(domain=list(self.names), range=[values[index % len(values)] for index in range(count)])


def zoom(*channels: str) -> Any:
    """Return a selection that drags and, with Ctrl or Shift and the wheel, zooms; a double click resets it."""
    import altair as alt

    return alt.selection_interval(
        name="zoom",
        bind="scales",
        encodings=list(channels or ("x", "y")),  # type: ignore[arg-type]
        zoom="wheel![event.ctrlKey || event.shiftKey]",
    )


def tooltip(**columns: str) -> list[Any]:
    """Return a tooltip of columns: field -> its title; numbers with four digits."""
    import altair as alt

    return [
        alt.Tooltip(f"{field}:Q", title=title, format=".4~g")
        if not title.endswith("*")
        else alt.Tooltip(f"{field}:N", title=title.removesuffix("*"))
        for field, title in columns.items()
    ]


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: numbers of Python's, None where one is not finite, texts without control marks.

    Vega takes titles into expressions, where some of these marks would end a line.
    """
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, str):
        return "".join(letter if letter.isprintable() else "?" for letter in value)
    return value
