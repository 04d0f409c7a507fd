"""Lecture 6.1: a learning rate too high, too low, right; and the verdict from the curve alone."""

from dataclasses import replace

from lrlab.core.optimizer import SGD
from lrlab.lecture.claims import ChapterResult, Claim, Failure
from lrlab.lecture.figures import LOG, LOG_Y, Chart, Line, curve, line_figure
from lrlab.lecture.trainer import ChapterTrainer, Trained, best
from lrlab.lecture.wording import number
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
    lines = [curve(f"{name}: lr {number(rates[name])}", run.history["train/loss"]) for name, run in runs.items()]
    ends = Line("", LRS, [run.last("train/loss") for run in grid])
    drawn = line_figure(
        Chart("epochs", "training loss (nats)", lines, axes=LOG_Y, markers=True),
        Chart("learning rate", "final training loss (nats)", [ends], axes=LOG, markers=True),
        title="Learning rates that are too high, right and too low",
        caption="Plain SGD, linear model. First panel: 1,000 times off, and right. Second: all that were tried.",
    )
    return ChapterResult(claims, (drawn,))


def _claim(name: str, run: Trained, classes: int) -> Claim:
    verdict = diagnose(run.history["train/loss"], run.history["lr"], classes)
    start, end = run.history["train/loss"][0], run.history["train/loss"][-1]
    return Claim(
        "6.1",
        f"A learning rate that is {name}",
        f"A learning rate that is {name} can be told from the curve alone",
        f"verdict: {' or '.join(EXPECTED_DIAGNOSES[name])}",
        f"{verdict}: training loss {number(start)} in the first epoch, {number(end)} in the last",
        verdict in EXPECTED_DIAGNOSES[name],
        Failure(
            f"A learning rate of {number(run.experiment.optimizer.lr)} takes the training loss from {number(start)} to "
            f"{number(end)}, which looks {verdict}."
        ),
    )
