"""Pictures of single runs: loss curves and class templates. Each function returns a PNG file's bytes."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito's palette (2008), which the colour-blind can tell apart; on white it also prints in grey.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"


def figure(width: float = 6.4, height: float = 4.0, **subplots: Any) -> "tuple[Figure, Any]":
    """A figure and its axes, drawn without a display."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(width, height), layout="constrained")
    return drawing, drawing.subplots(**subplots)


def png(drawing: "Figure", dpi: int = 110) -> bytes:
    """The figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    drawing.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def loss_curve(metrics: Mapping[str, Sequence[tuple[int, float]]]) -> bytes:
    """Loss and accuracy against epochs, training and validation.

    Args:
        metrics: histories by name, as ``Record.metrics`` has them.
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
    """Every class's row of W as a picture: the template that its score is the match with.

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
        reach = np.abs(image).max() or 1.0
        if image.shape[-1] == 1:
            axes.imshow(image[..., 0], cmap="PuOr", vmin=-reach, vmax=reach)
        else:
            axes.imshow(0.5 + image / (2 * reach))
        axes.set_title(name, fontsize=9)
    return png(drawing)
