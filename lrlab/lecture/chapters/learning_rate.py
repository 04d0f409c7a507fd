"""Lecture 6.1: a learning rate too high, too low, right; and the verdict from the curve alone."""

from dataclasses import replace

from lrlab.core.optimizer import SGD
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.figures import LOG, LOG_Y, Chart, Line, charts, curve
from lrlab.lecture.trainer import ChapterTrainer, Trained, best
from lrlab.plotting.figures import Figure
from lrlab.training.diagnosis import diagnose

FACTORS = {"much too high": 1e3, "right": 1.0, "much too low": 1e-3}
EXPECTED_DIAGNOSES = {"much too high": ("diverged", "too high"), "right": ("good",), "much too low": ("too low",)}
LRS = tuple(10 ** (i / 2) for i in range(-7, 3))


def measure(trainer: ChapterTrainer) -> ChapterResult:
    """Take the learning rate of the lowest training loss on a grid for right; the others are 1,000 times off."""
    baseline = trainer.preset.experiment()
    grid = trainer.train("learning rates", [replace(baseline, optimizer=SGD(lr)) for lr in LRS])
    right = best(grid, "train/loss").experiment.optimizer.lr
    rates = {name: right * factor for name, factor in FACTORS.items()}
    trained = trainer.train("too high, right, too low", [replace(baseline, optimizer=SGD(lr)) for lr in rates.values()])
    runs = dict(zip(rates, trained, strict=True))
    classes = len(trainer.load(baseline.data).classes)
    claims = tuple(_claim(name, run, classes) for name, run in runs.items())
    lines = [curve(f"{name}: lr {rates[name]:.2g}", run.history["train/loss"]) for name, run in runs.items()]
    ends = Line("", LRS, [run.last("train/loss") for run in grid])
    picture = charts(
        Chart("epochs", "training loss (nats)", lines, axes=LOG_Y),
        Chart("learning rate", "final training loss (nats)", [ends], axes=LOG),
        markers=True,
    )
    return ChapterResult(
        claims, (Figure(picture, "Plain SGD, linear model. Right: all learning rates that were tried."),)
    )


def _claim(name: str, run: Trained, classes: int) -> Claim:
    verdict = diagnose(run.history["train/loss"], run.history["lr"], classes)
    start, end = run.history["train/loss"][0], run.history["train/loss"][-1]
    return Claim(
        f"A learning rate that is {name} can be told from the curve alone",
        f"verdict {' or '.join(EXPECTED_DIAGNOSES[name])}",
        f"{verdict} (training loss {start:.4g} in the first epoch, {end:.4g} in the last)",
        verdict in EXPECTED_DIAGNOSES[name],
    )
