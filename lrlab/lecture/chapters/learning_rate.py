"""Lecture 6.1: a learning rate too high, too low, right; and the verdict from the curve alone."""

from dataclasses import replace

from lrlab.core.optimizer import SGD
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.figures import Chart, Line, charts
from lrlab.lecture.trainer import ChapterTrainer, Trained
from lrlab.plotting.figures import Figure
from lrlab.training.diagnosis import diagnose

FACTORS = {"much too high": 1e3, "right": 1.0, "much too low": 1e-3}
EXPECTED = {"much too high": ("diverged", "too high"), "right": ("good",), "much too low": ("too low",)}
LRS = tuple(10 ** (i / 2) for i in range(-7, 3))


def measure(desk: ChapterTrainer) -> ChapterResult:
    """The right one is that of the lowest training loss on a grid; the others lie a factor of 1,000 off it."""
    plain = desk.preset.experiment()
    grid = desk.train("learning rates", [replace(plain, optimizer=SGD(lr)) for lr in LRS])
    right = min(grid, key=lambda one: one.last("train/loss")).experiment.optimizer.lr
    rates = {name: right * factor for name, factor in FACTORS.items()}
    trained = desk.train("too high, right, too low", [replace(plain, optimizer=SGD(lr)) for lr in rates.values()])
    several = dict(zip(rates, trained, strict=True))
    classes = len(desk.load(plain.data).classes)
    claims = tuple(_claim(name, one, classes) for name, one in several.items())
    lines = [
        Line(
            f"{name}: lr {rates[name]:.2g}",
            range(1, len(one.history["train/loss"]) + 1),
            one.history["train/loss"],
        )
        for name, one in several.items()
    ]
    ends = Line("", LRS, [one.last("train/loss") for one in grid])
    picture = charts(
        Chart("epochs", "training loss (nats)", lines, axes={"yscale": "log"}),
        Chart("learning rate", "final training loss (nats)", [ends], axes={"xscale": "log", "yscale": "log"}),
        markers=True,
    )
    return ChapterResult(
        claims, (Figure(picture, "Plain SGD, linear model. Right: all learning rates that were tried."),)
    )


def _claim(name: str, one: Trained, classes: int) -> Claim:
    verdict = diagnose(one.history["train/loss"], one.history["lr"], classes)
    start, end = one.history["train/loss"][0], one.history["train/loss"][-1]
    return Claim(
        f"A learning rate that is {name} can be told from the curve alone",
        f"verdict {' or '.join(EXPECTED[name])}",
        f"{verdict} (training loss {start:.4g} in the first epoch, {end:.4g} in the last)",
        verdict in EXPECTED[name],
    )
