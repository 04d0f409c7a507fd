"""Lecture 7.2: the recommended configuration, against the best of a sweep."""

import numpy as np

from lrlab.core.model import MLP
from lrlab.core.optimizer import AdamW, Momentum
from lrlab.core.regularizer import L2
from lrlab.core.schedule import Cosine
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.figures import Chart, Line, charts
from lrlab.lecture.trainer import ChapterTrainer, Trained
from lrlab.plotting.figures import Figure
from lrlab.training.experiment import Experiment

HIDDEN = 50
TRIALS = 12
RECOMMENDED = (1e-3, 5e-4)
NEAR = 0.01


def measure(desk: ChapterTrainer) -> ChapterResult:
    plain = {"data": desk.preset.full_data, "model": MLP([HIDDEN]), "epochs": desk.preset.long_epochs}
    advice = [
        desk.preset.experiment(**plain, optimizer=AdamW(lr=lr), schedule=Cosine(warmup=0.1)) for lr in RECOMMENDED
    ]
    advised = desk.train("recommended", advice)
    swept = desk.train("sweep", _sweep(desk, plain))
    best_advised, best_swept = (max(several, key=_accuracy) for several in (advised, swept))
    claim = Claim(
        "AdamW at 1e-3 or 5e-4 with warmup + cosine is a good first choice",
        f"validation accuracy at most {NEAR} below the best of a sweep of {TRIALS} ({_accuracy(best_swept):.4f})",
        f"{_accuracy(best_advised):.4f} at {best_advised.experiment.optimizer.lr:g} "
        f"({', '.join(f'{one.experiment.optimizer.lr:g}: {_accuracy(one):.4f}' for one in advised)})",
        _accuracy(best_advised) >= _accuracy(best_swept) - NEAR,
    )
    return ChapterResult((claim,), (_picture(advised, swept),))


def _accuracy(one: Trained) -> float:
    return one.last("val/accuracy")


def _sweep(desk: ChapterTrainer, plain: dict[str, object]) -> list[Experiment]:
    """Random points of the space of sweeps/best.yaml: momentum's learning rate, batch size, warmup and lambda."""
    rng = np.random.default_rng(0)

    def log_uniform(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    return [
        desk.preset.experiment(
            **plain,
            optimizer=Momentum(lr=log_uniform(1e-4, 1e-1)),
            batch_size=int(rng.choice((64, 128, 256, 512))),
            schedule=Cosine(warmup=float(rng.uniform(0, 0.3))),
            regularizer=L2(log_uniform(1e-6, 1e-2)),
        )
        for _ in range(TRIALS)
    ]


def _picture(advised: list[Trained], swept: list[Trained]) -> Figure:
    epochs = range(1, advised[0].experiment.epochs + 1)
    grey = {"color": "#bbbbbb", "linewidth": 0.9, "marker": ""}
    background = [
        Line("" if i else f"{len(swept)} trials of the sweep", epochs, one.history["val/accuracy"], grey)
        for i, one in enumerate(swept)
    ]
    lines = [
        Line(f"AdamW {one.experiment.optimizer.lr:g}, warmup + cosine", epochs, one.history["val/accuracy"])
        for one in advised
    ]
    chart = Chart("epochs", "validation accuracy", [*lines, *background])
    return Figure(charts(chart), f"Two-layer network, {HIDDEN} hidden units.")
