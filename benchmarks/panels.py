"""The panels of the plot: each draws the measurements of one figure."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from benchmarks.measurement import Measurement
from benchmarks.table import result, samples

# Okabe & Ito's palette (2008), which the colour-blind can tell apart
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
COLOURS = {"lrlab": BLUE, "Hydra's sweeper + PyTorch": RED}
OTHERS = ORANGE
LEGEND = {BLUE: "lrlab", ORANGE: "PyTorch eager, alone or with Optuna 5 or pandas", RED: "Hydra's sweeper + PyTorch"}
TEXT = 9  # points, at the width at which the documentation shows the picture
LINE = 46  # characters of a panel's width
INCHES = 0.19  # of a line or a bar


@dataclass(frozen=True)
class Panel:
    """What is drawn of a figure.

    Attributes:
        height: inches of the axes.
        around: inches of title, labels and what else lies outside of the axes.
    """

    title: str
    draw: Callable[[Axes, Sequence[Measurement]], None]
    height: Callable[[Sequence[Measurement]], float] = lambda measurements: 2.2
    around: float = 0.8


def bars(axes: Axes, measurements: Sequence[Measurement]) -> None:
    """Medians with their range, under what was done; at a peer's bar, how many times as long or large it is."""
    place, largest = 0.3, max(value for m in measurements for value in (*m.ours, *m.theirs))
    for what, group in groups(measurements).items():
        text = textwrap.wrap(what, LINE)
        place += len(text)
        axes.text(0, place - 0.65, "\n".join(text), va="bottom", fontsize=TEXT)
        shown = {"lrlab": (group[0].ours, samples([median(group[0].ours)], group[0].unit))}
        shown |= {m.against: (m.theirs, result(m)) for m in group if m.theirs}
        for system, (values, note) in shown.items():
            middle = median(values)
            reach = [[middle - min(values)], [max(values) - middle]]
            axes.barh(place, middle, color=COLOURS.get(system, OTHERS), xerr=reach, error_kw={"lw": 1})
            axes.text(max(values) + 0.03 * largest, place, note, va="center", fontsize=TEXT)
            place += 1
        place += 0.3
    axes.set(xlabel=measurements[0].unit, yticks=[], xlim=(0, 1.3 * largest), ylim=(place - 0.6, 0))


def bars_height(measurements: Sequence[Measurement]) -> float:
    lines = 0.3
    for what, group in groups(measurements).items():
        lines += len(textwrap.wrap(what, LINE)) + 1 + sum(bool(m.theirs) for m in group) + 0.3
    return INCHES * lines


def groups(measurements: Sequence[Measurement]) -> dict[str, list[Measurement]]:
    """By what was done."""
    return {what: [m for m in measurements if m.what == what] for what in dict.fromkeys(m.what for m in measurements)}


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
    axes.legend(fontsize=TEXT, ncols=2, loc="upper center", bbox_to_anchor=(0.45, -0.16), frameon=False)


def overhead(axes: Axes, measurements: Sequence[Measurement]) -> None:
    """Milliseconds by part, stacked, for each number of trials."""
    parts = dict.fromkeys(m.at["part"] for m in measurements if m.at["part"] != "all")
    counts = dict.fromkeys(m.at["trials"] for m in measurements)
    below = dict.fromkeys(counts, 0.0)
    for part, colour in zip(parts, (BLUE, ORANGE, GREEN, RED, PURPLE, SKY), strict=False):
        heights = [next(m.result for m in measurements if m.at == {"trials": n, "part": part}) for n in counts]
        axes.bar([f"{n:,} trials" for n in counts], heights, bottom=list(below.values()), color=colour, label=part)
        below = {n: base + height for (n, base), height in zip(below.items(), heights, strict=True)}
    axes.set(ylabel="CPU ms per trial", xlim=(-0.5, len(counts) + 0.6))
    axes.legend(fontsize=TEXT, loc="center right", reverse=True)


def growth(axes: Axes, measurements: Sequence[Measurement]) -> None:
    """Seconds of a sweep against what grows, as multiples of the smallest."""
    for series, colour in (("trials", BLUE), ("images", ORANGE), ("workers", GREEN)):
        points = sorted((m.at[series], m.result) for m in measurements if series in m.at)
        if points:
            times = [value / points[0][0] for value, _ in points]
            label = f"{series}: {points[0][0]:,} to {points[-1][0]:,}"
            axes.plot(times, [seconds for _, seconds in points], marker="o", color=colour, label=label)
    axes.set(xscale="log", yscale="log", xlabel="times as many", ylabel="seconds")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.3)
    axes.legend(fontsize=TEXT)


def search(axes: Axes, measurements: Sequence[Measurement]) -> None:
    """The best loss of every seed."""
    m = next(m for m in measurements if m.theirs)
    for place, (losses, colour) in enumerate(((m.ours, BLUE), (m.theirs, ORANGE))):
        spread = [place + 0.03 * (n - len(losses) / 2) for n in range(len(losses))]
        axes.scatter(spread, losses, color=colour, s=18)
        axes.hlines(median(losses), place - 0.3, place + 0.3, color=colour)
    axes.set_xticks([0, 1], ["lrlab, wide", m.against])
    axes.set(xlim=(-0.6, 1.6), ylabel="best validation loss (nats)")
    axes.grid(alpha=0.3, axis="y")


PANELS = {
    "linear": Panel("The same linear sweep", bars, bars_height),
    "mlp": Panel("The same sweep of MLPs", bars, bars_height),
    "answer": Panel("A search of one's own", bars, bars_height),
    "verdict": Panel("From command to verdict", bars, bars_height),
    "train": Panel("One training", bars, bars_height),
    "large": Panel("A large MLP", bars, bars_height),
    "rows": Panel("A large table", bars, bars_height),
    "engine": Panel("Engine", engine, around=1.7),
    "overhead": Panel("Overhead", overhead),
    "growth": Panel("Growth", growth),
    "memory": Panel("Peak memory of a worker", bars, bars_height),
    "startup": Panel("Start-up", bars, bars_height),
    "search": Panel("Search quality: a point for each seed", search),
}
