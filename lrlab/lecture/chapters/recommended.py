"""Lecture 7.2: the recommended configuration, against the best of a sweep."""

import numpy as np

from lrlab.core.model import MLP
from lrlab.core.optimizer import AdamW, Momentum
from lrlab.core.regularizer import L2
from lrlab.core.schedule import Cosine
from lrlab.lecture.claims import ChapterResult, Claim, Failure
from lrlab.lecture.figures import Chart, curve, line_figure
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
        "7.2",
        "The recommended configuration",
        "AdamW at 1e-3 or 5e-4 with warmup + cosine is a good first choice",
        f"validation accuracy at most {ACCURACY_MARGIN} below the best of a sweep of {TRIALS} "
        f"({_accuracy(best_swept):.4f})",
        "validation accuracy "
        + ", ".join(f"{_accuracy(run):.4f} at a rate of {run.experiment.optimizer.lr:g}" for run in advised),
        _accuracy(best_advised) >= _accuracy(best_swept) - ACCURACY_MARGIN,
        Failure(
            f"A sweep of {TRIALS} finds momentum at {best_swept.experiment.optimizer.lr:.2g} with batches of "
            f"{best_swept.experiment.batch_size}, {_accuracy(best_swept) - _accuracy(best_advised):.4f} better."
        ),
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
    background = [
        curve(f"trial {number} of the sweep", run.history["val/accuracy"], "background")
        for number, run in enumerate(swept, start=1)
    ]
    lines = [
        curve(f"recommended, rate {run.experiment.optimizer.lr:g}", run.history["val/accuracy"]) for run in advised
    ]
    chart = Chart("epochs", "validation accuracy", [*lines, *background])
    return line_figure(
        chart,
        title="The recommended configuration among the trials of a sweep",
        caption=f"Two-layer network, {HIDDEN} hidden units. Grey: {len(swept)} random trials with momentum.",
    )
