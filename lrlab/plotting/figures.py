"""Figures as PNG bytes, drawn without pyplot: no backend, style or warnings filter of the process changes."""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lrlab.runtime.home import named_home

if TYPE_CHECKING:
    import matplotlib.figure

# Okabe & Ito's palette (2008), which the colour-blind can tell apart; on white it also prints in grey.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"


@dataclass(frozen=True)
class Figure:
    """A drawn figure for a page.

    Attributes:
        png: bytes of a PNG file.
        caption: what it shows.
        name: of its file, without the suffix; empty if it is not written to a file of its own.
    """

    png: bytes
    caption: str
    name: str = ""

    @property
    def data_uri(self) -> str:
        """Return the PNG as a ``data:`` address, so that a page needs no second file."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"

    def save(self, path: str | Path) -> None:
        """Write the PNG file."""
        Path(path).write_bytes(self.png)

    def _repr_png_(self) -> bytes:
        """Return what a notebook shows."""
        return self.png


def figure(width: float = 6.4, height: float = 4.0, **subplots: Any) -> "tuple[matplotlib.figure.Figure, Any]":
    """Return a figure of this size in inches, and its axes as ``Figure.subplots`` returns them."""
    with named_home():
        from matplotlib.figure import Figure

    drawing = Figure(figsize=(width, height), layout="constrained")
    return drawing, drawing.subplots(**subplots)


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


def templates(W: np.ndarray, image_shape: Sequence[int], classes: Sequence[str]) -> bytes:
    """Draw every class's row of W as an image: the template that its score is the match with.

    Args:
        W: (C, D) weights of a linear model.
        image_shape: (height, width, channels), D in all.
        classes: the C names.
    """
    columns = min(5, len(classes))
    rows = math.ceil(len(classes) / columns)
    drawing, grid = figure(1.5 * columns, 1.7 * rows, nrows=rows, ncols=columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, row, name in zip(grid.flat, W, classes, strict=False):
        image = row.reshape(image_shape).astype(float)
        limit = np.abs(image).max() or 1.0
        if image.shape[-1] == 1:
            axes.imshow(image[..., 0], cmap="PuOr", vmin=-limit, vmax=limit)
        else:
            axes.imshow(0.5 + image / (2 * limit))
        axes.set_title(name, fontsize=9)
    return png(drawing)
