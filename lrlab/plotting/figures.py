"""Figures: specifications of Vega-Lite, or PNG bytes that Matplotlib drew without pyplot.

No backend, style or warnings filter of the process changes.
"""

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrlab.plotting.theme import resolved
from lrlab.runtime.home import named_home

if TYPE_CHECKING:
    import matplotlib.figure

    from lrlab.plotting.vega import Spec

MIME = "application/vnd.vegalite.v6+json"

# Okabe & Ito's palette (2008), which the colour-blind can tell apart; on white it also prints in grey.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"

PAGE_DPI = 192  # of a figure on a page: two of a screen's pixels for each of the page's


@dataclass(frozen=True)
class Figure:
    """A figure: for a page, where it can be hovered and zoomed, and as a file.

    Attributes:
        content: specifications of Vega-Lite, one for each panel; or the bytes of a PNG file, or of one for each panel.
        caption: what it shows, and how it is read.
        name: of its file, without the suffix; empty if it is not written to a file of its own.
        title: what it finds, or which question it answers; empty for none.
        columns: panels beside each other, where there is room.
    """

    content: "bytes | Sequence[bytes] | Sequence[Spec]"
    caption: str
    name: str = ""
    title: str = ""
    columns: int = 2

    @property
    def panels(self) -> "Sequence[Spec]":
        """Return the specifications of Vega-Lite; none if there are but PNG files."""
        return () if isinstance(self.content, bytes) else [each for each in self.content if not isinstance(each, bytes)]

    @property
    def images(self) -> list[str]:
        """Return the panels that are PNG files as ``data:`` addresses; none if they are specifications."""
        panels = (self.content,) if isinstance(self.content, bytes) else self.content
        return [_data_uri(panel) for panel in panels if isinstance(panel, bytes)]

    @cached_property
    def png(self) -> bytes:
        """Return the bytes of a PNG file, drawn without a display."""
        if isinstance(self.content, bytes):
            return self.content
        if not self.panels:
            return _beside([each for each in self.content if isinstance(each, bytes)])
        from lrlab.plotting import vega

        return vega.png(self.panels, self.title, self.columns)

    @property
    def data_uri(self) -> str:
        """Return the PNG as a ``data:`` address, so that a page needs no second file."""
        return _data_uri(self.png)

    def save(self, path: str | Path) -> None:
        """Write the PNG file."""
        Path(path).write_bytes(self.png)

    def _repr_png_(self) -> bytes:
        """Return what a notebook shows."""
        return self.png

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Return what a notebook shows: a chart to be hovered where it is one, else the PNG."""
        still: dict[str, Any] = {"image/png": self.png, "text/plain": self.title or self.caption}
        if len(self.panels) != 1:
            return still
        from lrlab.plotting.vega import WIDTH

        (panel,) = self.panels
        shown = {**panel, "width": WIDTH, "config": {**panel["config"], "background": "#ffffff"}}
        return still | {MIME: json.loads(resolved(json.dumps(shown)))}


def _data_uri(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _beside(images: Sequence[bytes]) -> bytes:
    """Return PNG files beside each other as one, on white."""
    from PIL import Image

    opened = [Image.open(io.BytesIO(image)).convert("RGB") for image in images]
    size = sum(image.width for image in opened), max(image.height for image in opened)
    joined, x = Image.new("RGB", size, "white"), 0
    for image in opened:
        joined.paste(image, (x, 0))
        x += image.width
    buffer = io.BytesIO()
    joined.save(buffer, "PNG")
    return buffer.getvalue()


def figure(
    width: float = 6.4, height: float = 4.0, margins: dict[str, Any] | None = None, **subplots: Any
) -> "tuple[matplotlib.figure.Figure, Any]":
    """Return a figure of this size in inches, and its axes as ``Figure.subplots`` returns them.

    Args:
        margins: those of ``Figure.subplots_adjust``; without them everything is measured, which takes half of the time.
    """
    with named_home():
        from matplotlib.figure import Figure

    drawing = Figure(figsize=(width, height), layout=None if margins else "constrained")
    return drawing, drawing.subplots(gridspec_kw=margins, **subplots)


def contours(x: np.ndarray, y: np.ndarray, z: np.ndarray, levels: int) -> list[np.ndarray]:
    """Return the lines (N, 2) of about so many equal heights z over a grid of x and y, all of shape (rows, columns)."""
    _, axes = figure()
    drawn = axes.contour(x, y, z, levels=levels, linestyles="solid")
    return [line for lines in drawn.allsegs for line in lines if len(line) > 1]


def plain_text(text: str) -> str:
    """Return a text in which Matplotlib sees no formula, whatever somebody called a column."""
    return "".join(letter if letter.isprintable() else "?" for letter in text).replace("$", r"\$")


def png(drawing: "matplotlib.figure.Figure", dpi: int = 110) -> bytes:
    """Return the figure as the bytes of a PNG file, drawn by Agg whatever backend pyplot uses."""
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=dpi, backend="agg")
    return buffer.getvalue()


def finish(drawing: "matplotlib.figure.Figure", axes: Any, grid: str = "major", **legend: Any) -> bytes:
    """Add a grid and, if anything is drawn, a legend to the axes; return the figure as `png` does."""
    axes.grid(alpha=0.3, which=grid)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, **legend)
    return png(drawing)


def loss_curve(metrics: Mapping[str, Sequence[tuple[int, float]]]) -> bytes:
    """Draw loss and accuracy against epochs, training and validation.

    Args:
        metrics: name -> [(epoch, value), ...], as ``RunRecord.metrics`` has them.
    """
    drawing, (left, right) = figure(8.4, 3.4, ncols=2)
    for axes, quantity, unit in ((left, "loss", "loss (nats)"), (right, "accuracy", "accuracy")):
        for split, colour, style in (("train", BLUE, "-"), ("val", ORANGE, "--")):
            history = [(step, value) for step, value in metrics.get(f"{split}/{quantity}", ())]
            if history:
                steps, values = zip(*history, strict=True)
                name = {"train": "training (running mean)", "val": "validation"}[split]
                axes.plot(steps, values, style, color=colour, marker=".", label=name)
        axes.set(xlabel="epoch", ylabel=unit)
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    return png(drawing)


def templates(W: np.ndarray, image_shape: Sequence[int], classes: Sequence[str], dpi: int = 110) -> bytes:
    """Draw every class's row of W as an image: the template that its score is the match with.

    Args:
        W: (C, D) weights of a linear model.
        image_shape: (height, width, channels), D in all.
        classes: the C names.
        dpi: pixels for each inch; a tile has 1.5.
    """
    columns = min(5, len(classes))
    rows = math.ceil(len(classes) / columns)
    title = 0.32  # inches above each tile
    width, height = 1.5 * columns, 1.7 * rows
    margins = {"left": 0.01, "right": 0.99, "bottom": 0.01, "top": 1 - title / height, "wspace": 0.05, "hspace": 0.23}
    drawing, grid = figure(width, height, margins, nrows=rows, ncols=columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, row, name in zip(grid.flat, W, classes, strict=False):
        image = row.reshape(image_shape).astype(float)
        limit = np.abs(image).max() or 1.0
        if image.shape[-1] == 1:
            axes.imshow(image[..., 0], cmap="PuOr", vmin=-limit, vmax=limit)
        else:
            axes.imshow(0.5 + image / (2 * limit))
        axes.set_title(name, fontsize=16)  # as wide as a telephone all ten are half as large
    return png(drawing, dpi)
