"""Lecture 2.2: the softmax cross-entropy and its properties."""

import math

import numpy as np

from lrlab.core.loss import SoftmaxCrossEntropy
from lrlab.core.model import Linear
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.figures import Chart, Line, line_figure
from lrlab.lecture.trainer import ChapterTrainer
from lrlab.lecture.wording import agreement
from lrlab.plotting.figures import Figure
from lrlab.training.evaluation import split_metrics

loss = SoftmaxCrossEntropy()


def measure(trainer: ChapterTrainer) -> ChapterResult:
    claims = _of_probability(), _at_the_start(trainer), _stability()
    return ChapterResult(claims, (_picture(),))


def of_probability(p: np.ndarray, classes: int = 10) -> np.ndarray:
    """Return the loss of samples whose right class has probability p (B,), all others being equally likely."""
    scores = np.zeros((1, classes, len(p)))
    scores[0, 0] = np.log(p / (1 - p) * (classes - 1))
    losses: np.ndarray = loss.value(scores, np.zeros(len(p), dtype=np.intp))[0]
    return losses


def _of_probability() -> Claim:
    p = np.linspace(0.001, 0.999, 999)
    losses = of_probability(p)
    difference = float(np.abs(losses + np.log(p)).max())
    return Claim(
        "2.2",
        "The loss is -log p",
        "The more probable the right class, the lower the loss: -log p",
        "falls everywhere, and equals -log p to 12 decimals",
        f"{agreement(difference)} at {len(p)} probabilities; "
        f"{'falls' if np.all(np.diff(losses) < 0) else 'does not fall'} everywhere",
        difference < 1e-12 and bool(np.all(np.diff(losses) < 0)),
    )


def _at_the_start(trainer: ChapterTrainer) -> Claim:
    data = trainer.load(trainer.preset.subset)
    layers = Linear(init_scale=1e-4).init(np.random.default_rng(0), data.x.shape[1], len(data.classes))
    start, guessing = split_metrics("val", layers, loss, data)["val/loss"], math.log(len(data.classes))
    return Claim(
        "2.2",
        "The loss of a model that guesses",
        "With weights near zero every class is equally likely, and the loss is ln(classes)",
        f"{guessing:.4f} nats ± 1 %",
        f"{start:.4f} nats",
        abs(start / guessing - 1) < 0.01,
    )


def _stability() -> Claim:
    rng = np.random.default_rng(0)
    scores, y = rng.normal(size=(1, 10, 200)), rng.integers(10, size=200)
    moved = float(np.abs(loss.value(scores + 1e4, y) - loss.value(scores, y)).max())
    extreme = loss.value(1e4 * np.sign(scores), y)
    return Claim(
        "2.2",
        "Only differences of scores count",
        "Only differences of scores count; subtracting the largest keeps exp from overflowing",
        "the same loss to 10 decimals after adding 10,000 to all scores, a finite one at scores of ±10,000",
        f"{agreement(moved)} after adding 10,000; the largest loss at ±10,000 is {extreme.max():,.0f}",
        moved < 1e-10 and bool(np.isfinite(extreme).all()),
    )


def _picture() -> Figure:
    p = np.linspace(0.002, 0.999, 400)
    lines = [
        Line("softmax cross-entropy", p, of_probability(p)),
        Line("guessing among ten: ln 10", [0, 1], [math.log(10)] * 2, "reference"),
    ]
    chart = Chart("probability of the right class", "loss (nats)", lines)
    return line_figure(
        chart,
        title="What a probability of the right class costs",
        caption="The loss of one image against the probability that the model gives its class. Dashed: guessing among "
        "ten classes, ln 10.",
    )
