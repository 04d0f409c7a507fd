"""The plot of the results: one panel for each figure that has been measured."""

import io
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.measurement import Measurement
from benchmarks.results import Result

# Okabe & Ito's palette (2008), which the colour-blind can tell apart
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
COLOURS = {"lrlab": BLUE, "Optuna 5 + PyTorch": ORANGE, "PyTorch eager": ORANGE, "Hydra's sweeper + PyTorch": RED}


def draw(results: Mapping[str, Result], about: Mapping[str, Any]) -> bytes:
    """A PNG file's bytes."""
    measurements = [m for result in results.values() for m in result.measurements]
    by_figure = {name: [m for m in measurements if m.figure == name] for name in PANELS}
    there = [name for name, each in by_figure.items() if each] or ["nothing measured"]
    columns = min(3, len(there))
    figure = Figure(figsize=(5.2 * columns, 3.8 * -(-len(there) // columns)), layout="constrained")
    for number, name in enumerate(there, 1):
        axes = figure.add_subplot(-(-len(there) // columns), columns, number)
        title, panel = PANELS.get(name, (name, lambda axes, measurements: None))
        panel(axes, by_figure.get(name, []))
        axes.set_title(title, fontsize=11, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
    machine = f"{about['processor']}, {about['cores']} cores, {about['blas']}, {about['when'][:10]}"
    figure.supxlabel(machine, fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def bars(axes: Axes, measurements: Sequence[Measurement]) -> None:
    """Medians with their range, under what was done; at a peer's bar, how many times as long or large it is."""
    labels: list[str] = []
    for what in dict.fromkeys(m.what for m in measurements):
        group = [m for m in measurements if m.what == what]
        axes.text(0, len(labels), what, va="center", fontsize=7.5)
        labels.append("")
        shown = {"lrlab": (group[0].ours, "")}
        shown |= {m.against: (m.theirs, f"{m.result:.1f} x") for m in group if m.theirs}
        for system, (samples, note) in shown.items():
            middle = median(samples)
            reach = [[middle - min(samples)], [max(samples) - middle]]
            axes.barh(len(labels), middle, color=COLOURS[system], xerr=reach, error_kw={"lw": 1})
            axes.text(max(samples), len(labels), f" {note}", va="center", fontsize=8)
            labels.append(system)
    axes.set_yticks(range(len(labels)), labels, fontsize=7.5)
    axes.tick_params(axis="y", length=0)
    axes.set(xlabel=measurements[0].unit, ylim=(len(labels) - 0.5, -0.6))  # from the top down
    axes.margins(x=0.15)


def engine(axes: Axes, measurements: Sequence[Measurement]) -> None:
    """Share of the peak against the batch size: SGD and AdamW, a line for each width."""
    for optimizer, style in (("sgd", "-"), ("adamw", ":")):
        for width, colour in zip((1, 8, 32, 64), (RED, ORANGE, BLUE, GREEN), strict=True):
            line = [m for m in measurements if m.at["optimizer"] == optimizer and m.at["width"] == width]
            points = sorted((m.at["batches"][0], 100 * m.result) for m in line if len(m.at["batches"]) == 1)
            if points:
                label = f"{optimizer}, K = {width}"
                axes.plot(*zip(*points, strict=True), style, marker=".", color=colour, label=label)
    axes.set(xscale="log", xlabel="batch size", ylabel="% of SGEMM peak", ylim=(0, 100))
    ticks = [32, 64, 128, 256, 512, 1024]
    axes.set_xticks(ticks, map(str, ticks))
    axes.set_xticks([], minor=True)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.2))  # between K = 1 and K = 8


def overhead(axes: Axes, measurements: Sequence[Measurement]) -> None:
    """Milliseconds by part, stacked, for each number of trials."""
    parts = dict.fromkeys(m.at["part"] for m in measurements if m.at["part"] != "all")
    counts = dict.fromkeys(m.at["trials"] for m in measurements)
    below = dict.fromkeys(counts, 0.0)
    for part, colour in zip(parts, (BLUE, ORANGE, GREEN, RED, PURPLE, SKY), strict=False):
        heights = [next(m.result for m in measurements if m.at == {"trials": n, "part": part}) for n in counts]
        axes.bar([f"{n:,} trials" for n in counts], heights, bottom=list(below.values()), color=colour, label=part)
        below = {n: base + height for (n, base), height in zip(below.items(), heights, strict=True)}
    axes.set(ylabel="CPU ms per trial", xlim=(-0.5, len(counts)))
    axes.legend(fontsize=7, loc="lower right")


def growth(axes: Axes, measurements: Sequence[Measurement]) -> None:
    """Seconds of a sweep against what grows, as multiples of the smallest."""
    for series, colour in (("trials", BLUE), ("images", ORANGE), ("workers", GREEN)):
        points = sorted((m.at[series], m.result) for m in measurements if series in m.at)
        if points:
            times = [value / points[0][0] for value, _ in points]
            label = f"{series}: {points[0][0]:,} to {points[-1][0]:,}"
            axes.plot(times, [seconds for _, seconds in points], marker="o", color=colour, label=label)
    axes.set(xscale="log", yscale="log", xlabel="times as many", ylabel="seconds")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)


def search(axes: Axes, measurements: Sequence[Measurement]) -> None:
    """The best loss of every seed."""
    m = next(m for m in measurements if m.theirs)
    for place, (samples, colour) in enumerate(((m.ours, BLUE), (m.theirs, ORANGE))):
        spread = [place + 0.03 * (n - len(samples) / 2) for n in range(len(samples))]
        axes.scatter(spread, samples, color=colour, s=18)
        axes.hlines(median(samples), place - 0.3, place + 0.3, color=colour)
    axes.set_xticks([0, 1], ["lrlab, wide", m.against])
    axes.set(xlim=(-0.6, 1.6), ylabel="best validation loss (nats)")
    axes.grid(alpha=0.3, axis="y")


PANELS: dict[str, tuple[str, Callable[[Axes, Sequence[Measurement]], None]]] = {
    "linear": ("(a) Whole sweep, linear", bars),
    "mlp": ("(b) Whole sweep, MLP", bars),
    "train": ("One training", bars),
    "engine": ("(c) Engine", engine),
    "overhead": ("(d) Overhead", overhead),
    "growth": ("(e) Growth", growth),
    "memory": ("(f) Peak memory of a worker", bars),
    "startup": ("Start-up", bars),
    "search": ("Search quality, a point for each seed", search),
}
