"""Lecture 7.2: the recommended configuration, against the best of a sweep."""

from typing import Any

import numpy as np

from lrlab.core.model import MLP
from lrlab.core.optimizer import AdamW, Momentum
from lrlab.core.regularizer import L2
from lrlab.core.schedule import Cosine
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.figures import Chart, charts, curve
from lrlab.lecture.trainer import ChapterTrainer, Trained
from lrlab.plotting.figures import Figure
from lrlab.training.experiment import Experiment

HIDDEN = 50
TRIALS = 12
RECOMMENDED_LRS = (1e-3, 5e-4)
ACCURACY_MARGIN = 0.01


def measure(trainer: ChapterTrainer) -> ChapterResult:
    baseline = {"data": trainer.preset.full_data, "model": MLP([HIDDEN]), "epochs": trainer.preset.long_epochs}
    advice = [
        trainer.preset.experiment(**baseline, optimizer=AdamW(lr=lr), schedule=Cosine(warmup=0.1))
        for lr in RECOMMENDED_LRS
    ]
    advised = trainer.train("recommended", advice)
    swept = trainer.train("sweep", _sweep(trainer, baseline))
    best_advised, best_swept = (max(runs, key=_accuracy) for runs in (advised, swept))
    claim = Claim(
        "AdamW at 1e-3 or 5e-4 with warmup + cosine is a good first choice",
        f"validation accuracy at most {ACCURACY_MARGIN} below the best of a sweep of {TRIALS} "
        f"({_accuracy(best_swept):.4f})",
        f"{_accuracy(best_advised):.4f} at {best_advised.experiment.optimizer.lr:g} "
        f"({', '.join(f'{run.experiment.optimizer.lr:g}: {_accuracy(run):.4f}' for run in advised)})",
        _accuracy(best_advised) >= _accuracy(best_swept) - ACCURACY_MARGIN,
    )
    return ChapterResult((claim,), (_picture(advised, swept),))


def _accuracy(run: Trained) -> float:
    return run.last("val/accuracy")


def _sweep(trainer: ChapterTrainer, baseline: dict[str, object]) -> list[Experiment]:
    """Draw random points of the space of sweeps/best.yaml: momentum's learning rate, batch size, warmup and lambda."""
    rng = np.random.default_rng(0)

    def log_uniform(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    return [
        trainer.preset.experiment(
            **baseline,
            optimizer=Momentum(lr=log_uniform(1e-4, 1e-1)),
            batch_size=int(rng.choice((64, 128, 256, 512))),
            schedule=Cosine(warmup=float(rng.uniform(0, 0.3))),
            regularizer=L2(log_uniform(1e-6, 1e-2)),
        )
        for _ in range(TRIALS)
    ]


def _picture(advised: list[Trained], swept: list[Trained]) -> Figure:
    grey: dict[str, Any] = {"color": "#bbbbbb", "linewidth": 0.9, "marker": ""}
    background = [
        curve("" if i else f"{len(swept)} trials of the sweep", run.history["val/accuracy"], **grey)
        for i, run in enumerate(swept)
    ]
    lines = [
        curve(f"AdamW {run.experiment.optimizer.lr:g}, warmup + cosine", run.history["val/accuracy"]) for run in advised
    ]
    chart = Chart("epochs", "validation accuracy", [*lines, *background])
    return Figure(charts(chart), f"Two-layer network, {HIDDEN} hidden units.")
