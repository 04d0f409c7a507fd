"""Figures of trainings side by side: learning rates, warmup, regularization. Each returns a PNG file's bytes."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lrlab.analysis.runs import Run
from lrlab.plotting.figures import BLUE, GREEN, ORANGE, PURPLE, RED, SKY, figure, finish, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES = (
    (BLUE, "-", "o"),
    (ORANGE, "--", "s"),
    (GREEN, "-.", "D"),
    (RED, ":", "^"),
    (PURPLE, "-", "v"),
    (SKY, "--", "P"),
)


def loss_curves(
    chosen: Mapping[str, Sequence[Run]], loss: str = "validation loss (nats)", unit: str = "epoch"
) -> bytes:
    """Draw the loss against its steps for groups of runs, such as learning rates; a group's runs are seeds."""
    drawing, axes = figure(7.2, 4.2)
    highest = 0.0
    for (name, runs), (colour, style, marker) in zip(chosen.items(), STYLES, strict=False):
        for index, run in enumerate(runs):
            history = [(epoch, loss) for epoch, loss in run.metrics.get("val/loss", ()) if math.isfinite(loss)]
            if not history:
                continue
            epochs, losses = zip(*history, strict=True)
            label = name if index == 0 else None
            axes.plot(epochs, losses, style, marker=marker, ms=4, lw=1.3, color=colour, alpha=0.8, label=label)
            highest = max(highest, max(losses))
    axes.set(xlabel=unit, ylabel=loss)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if highest > 0:
        axes.set_yscale("log")
    return finish(drawing, axes, grid="both")


def loss_by_warmup(panels: Mapping[str, Mapping[float, Iterable[Run]]]) -> bytes:
    """Draw the loss at the end against the learning rate, a line for every warmup, a panel for every batch size."""
    drawing, grid = figure(3.6 * max(2, len(panels)), 3.8, ncols=len(panels), squeeze=False)
    for axes, (title, warmups) in zip(grid.flat, panels.items(), strict=True):
        for (warmup, runs), (colour, style, marker) in zip(warmups.items(), STYLES, strict=False):
            lr, mean, spread = mean_by(runs, lambda run: run.lr, lambda run: run.loss)
            name = f"{warmup:.0%} of training" if warmup else "none"
            axes.errorbar(lr, mean, spread, color=colour, ls=style, marker=marker, ms=4, lw=1.3, label=name)
        axes.set(xscale="log", xlabel="learning rate", title=title)
        axes.grid(alpha=0.3)
        _limit(axes)
    grid.flat[0].set_ylabel("validation loss at the end (nats)")
    grid.flat[0].legend(title="warmup", fontsize=8, title_fontsize=8)
    return png(drawing)


def regularization(kinds: Mapping[str, Sequence[Run]]) -> bytes:
    """Draw loss and accuracy, training and validation, and the weights' norm against lambda for every regularizer."""
    drawing, (losses, accuracies, norms) = figure(11.0, 3.8, ncols=3)
    positive = [_strength(run) for runs in kinds.values() for run in runs if _strength(run) > 0]
    none = min(positive, default=1.0) / 10  # where lambda = 0 stands on a logarithmic axis
    lines = (
        (losses, "train/loss", "--", ", training"),
        (losses, "val/loss", "-", ", validation"),
        (accuracies, "train/accuracy", "--", ", training"),
        (accuracies, "val/accuracy", "-", ", validation"),
        (norms, "weight_norm", "-", ""),
    )
    for (kind, runs), (colour, _, marker) in zip(kinds.items(), STYLES, strict=False):
        for axes, metric, style, split in lines:
            x, mean, spread = mean_by(runs, _strength, partial(Run.last, metric=metric))
            looks = {"color": colour, "ls": style, "marker": marker, "ms": 4, "lw": 1.3}
            axes.errorbar(np.maximum(x, none), mean, spread, label=kind + split, **looks)
    for axes, name in zip((losses, accuracies, norms), ("loss (nats)", "accuracy", "norm of the weights"), strict=True):
        axes.set(xscale="log", xlabel=f"lambda (0 is shown at {none:.0e})", ylabel=f"{name}, at the end")
        axes.grid(alpha=0.3)
    _limit(losses)
    norms.set_yscale("log")
    losses.legend(fontsize=7)
    norms.legend(fontsize=8)
    return png(drawing)


def mean_by(
    runs: Iterable[Run], key: Callable[[Run], float], value: Callable[[Run], float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values of `key` in rising order, mean and standard deviation of `value` at each."""
    groups: dict[float, list[float]] = {}
    for run in runs:
        groups.setdefault(float(key(run)), []).append(float(value(run)))
    x = sorted(groups)
    samples = [groups[at] for at in x]
    mean = [np.mean(sample) if np.isfinite(sample).all() else math.nan for sample in samples]
    spread = [np.std(sample, ddof=1) if len(sample) > 1 and np.isfinite(sample).all() else 0.0 for sample in samples]
    return np.array(x), np.array(mean), np.array(spread)


def _strength(run: Run) -> float:
    return float(run.params.get("regularizer.strength", 0.0))


def _limit(axes: "Axes") -> None:
    """Show losses up to twice the least: what lies far above is lost anyway."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()])
    if np.isfinite(values).any():
        low, high = axes.get_ylim()
        least = float(np.nanmin(values))
        axes.set_ylim(max(low, 0.9 * least), min(high, 2 * least))
