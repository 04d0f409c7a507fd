"""The plot of the results: a panel for each figure that has been measured, and each unit that it has."""

import io
import string
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from benchmarks.measurement import Measurement
from benchmarks.panels import LEGEND, PANELS, TEXT, Panel, bars
from benchmarks.result_files import Result

WIDTH = 7.7  # inches: what the documentation gives a picture
AROUND = 1.0  # inches for legend and machine


@dataclass(frozen=True)
class Drawn:
    """A panel with its measurements; `pinned`: the kernels that were asked for, or ""."""

    panel: Panel
    measurements: Sequence[Measurement]
    pinned: str

    @property
    def height(self) -> float:
        """Inches of the axes."""
        return self.panel.height(self.measurements)

    def draw(self, axes: Axes, letter: str) -> None:
        self.panel.draw(axes, self.measurements)
        kernels = f", {self.pinned} kernels" if self.pinned else ""
        axes.set_title(f"({letter}) {self.panel.title}{kernels}", fontsize=TEXT + 2, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=TEXT)
        axes.xaxis.label.set_fontsize(TEXT)
        axes.yaxis.label.set_fontsize(TEXT)


def draw(results: Sequence[Result]) -> bytes:
    """A PNG file's bytes. What was measured with pinned kernels lies below the rest."""
    wanted = [drawn for result in results for drawn in panels(result)]
    blocks = [columns(list(each)) for _, each in groupby(wanted, key=lambda drawn: drawn.pinned)]
    heights = [max(map(inches, block)) for block in blocks]
    figure = Figure(figsize=(WIDTH, sum(heights) + AROUND), layout="constrained")
    grid = figure.add_gridspec(max(len(blocks), 1), 2, height_ratios=heights or [1])
    letters = iter(string.ascii_lowercase)
    for row, block in enumerate(blocks):
        for column, each in enumerate(block):
            left = max(heights[row] - inches(each), 0.01)
            cells = grid[row, column].subgridspec(len(each) + 1, 1, height_ratios=[*(d.height for d in each), left])
            for place, drawn in enumerate(each):
                drawn.draw(figure.add_subplot(cells[place]), next(letters))
    figure.legend(
        handles=[Patch(color=colour, label=name) for colour, name in LEGEND.items()],
        loc="outside upper center",
        ncols=len(LEGEND),
        fontsize=TEXT,
        frameon=False,
    )
    figure.supxlabel("\n".join(dict.fromkeys(machine(result) for result in results)), fontsize=TEXT)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=200)
    return buffer.getvalue()


def columns(wanted: Sequence[Drawn]) -> tuple[list[Drawn], list[Drawn]]:
    """Two columns, about as high: the first half of the panels, and the rest."""
    half, first = inches(wanted) / 2, 0
    while first < len(wanted) and inches(wanted[:first]) + inches(wanted[first : first + 1]) / 2 <= half:
        first += 1
    return list(wanted[:first]), list(wanted[first:])


def inches(column: Sequence[Drawn]) -> float:
    return sum(drawn.height + drawn.panel.around for drawn in column)


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
