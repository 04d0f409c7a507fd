"""The plot of the results: a panel for each figure that has been measured, and each unit that it has."""

import io
import string
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from benchmarks.measurement import Measurement
from benchmarks.panels import COLOURS, PANELS, TEXT, Panel, bars
from benchmarks.result_files import Result

WIDTH = 7.7  # inches: what the documentation gives a picture
COLUMNS = 2
AROUND = 0.85  # inches for title and labels of a panel


class Drawn(NamedTuple):
    """A panel with its measurements; `pinned`: the kernels that were asked for, or ""."""

    panel: Panel
    measurements: Sequence[Measurement]
    pinned: str


def draw(results: Sequence[Result]) -> bytes:
    """A PNG file's bytes. What was measured with pinned kernels begins a row of its own."""
    wanted = [drawn for result in results for drawn in panels(result)]
    rows: list[list[Drawn]] = []
    for _, each in groupby(wanted, key=lambda drawn: drawn.pinned):
        together = list(each)
        rows += [together[i : i + COLUMNS] for i in range(0, len(together), COLUMNS)]
    heights = [AROUND + max(drawn.panel.height(drawn.measurements) for drawn in row) for row in rows]
    figure = Figure(figsize=(WIDTH, sum(heights) + 1), layout="constrained")
    grid = figure.add_gridspec(max(len(rows), 1), COLUMNS, height_ratios=heights or [1])
    letters = iter(string.ascii_lowercase)
    for number, row in enumerate(rows):
        for column, drawn in enumerate(row):
            axes = figure.add_subplot(grid[number, column])
            drawn.panel.draw(axes, drawn.measurements)
            kernels = f", {drawn.pinned} kernels" if drawn.pinned else ""
            axes.set_title(f"({next(letters)}) {drawn.panel.title}{kernels}", fontsize=TEXT + 2, loc="left", x=0)
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(labelsize=TEXT)
            axes.xaxis.label.set_fontsize(TEXT)
            axes.yaxis.label.set_fontsize(TEXT)
    names = {colour: " / ".join(name for name in COLOURS if COLOURS[name] == colour) for colour in COLOURS.values()}
    figure.legend(
        handles=[Patch(color=colour, label=name) for colour, name in names.items()],
        loc="outside upper center",
        ncols=len(names),
        fontsize=TEXT,
        frameon=False,
    )
    figure.supxlabel("\n".join(dict.fromkeys(machine(result) for result in results)), fontsize=TEXT)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=200)
    return buffer.getvalue()


def panels(result: Result) -> list[Drawn]:
    """Bars have one for each unit."""
    figure = result.measurements[0].figure
    if figure not in PANELS:
        return []
    panel = PANELS[figure]
    if panel.draw is not bars:
        return [Drawn(panel, result.measurements, result.pinned)]
    units = dict.fromkeys(m.unit for m in result.measurements)
    return [Drawn(panel, [m for m in result.measurements if m.unit == unit], result.pinned) for unit in units]


def machine(result: Result) -> str:
    """Where and with what it was measured."""
    about = result.about
    return (
        f"{about['processor']}, {about['cores']} cores, {about['blas']}, {result.kernels} kernels, {about['when'][:10]}"
    )
