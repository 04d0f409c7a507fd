"""Lecture 6.2 and 6.3: learning-rate schedules and warmup, at an equal budget."""

import math
from dataclasses import replace

from lrlab.core.model import MLP
from lrlab.core.optimizer import Momentum
from lrlab.core.schedule import Constant, Cosine, InverseSqrt, LinearDecay, Schedule, Step, factor
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.figures import LOG_Y, Chart, Line, charts, curve
from lrlab.lecture.trainer import ChapterTrainer, Trained, best
from lrlab.plotting.figures import Figure

SCHEDULES: dict[str, Schedule] = {
    "constant": Constant(),
    "step": Step(),
    "cosine": Cosine(),
    "linear": LinearDecay(),
    "inverse square root": InverseSqrt(timescale=50),
    "warmup + cosine": Cosine(warmup=0.1),
    "warmup + step": Step(warmup=0.1),
}
LRS = (0.003, 0.01, 0.03, 0.1)
UNSTABLE_LRS = tuple(0.01 * 2 ** (i / 2) for i in range(14))  # into where training becomes unstable
WARMUP_FRACTIONS = (0.0, 0.3)  # fractions of training that warm up
HIDDEN = 50


def measure(trainer: ChapterTrainer) -> ChapterResult:
    baseline = trainer.preset.experiment(model=MLP([HIDDEN]))
    grid = {
        name: [replace(baseline, schedule=schedule, optimizer=Momentum(lr)) for lr in LRS]
        for name, schedule in SCHEDULES.items()
    }
    chosen = {name: best(runs) for name, runs in trainer.train_groups("schedules", grid).items()}
    ends = {name: run.last("val/loss") for name, run in chosen.items()}
    decays = {name: end for name, end in ends.items() if name != "constant"}
    first = min(ends, key=ends.__getitem__)
    claims = (
        Claim(
            "Lowering the learning rate during training beats a constant one",
            f"each decay ends at a lower validation loss than constant ({ends['constant']:.4f}), each at its best rate",
            ", ".join(f"{name} {end:.4f}" for name, end in decays.items()),
            all(end < ends["constant"] for end in decays.values()),
        ),
        Claim(
            "Warmup + cosine is a good combination",
            f"the lowest validation loss of all, or within 10 % of it ({first}: {ends[first]:.4f})",
            f"{ends['warmup + cosine']:.4f}",
            ends["warmup + cosine"] <= 1.1 * ends[first],
        ),
        _warmup(trainer),
    )
    return ChapterResult(
        claims,
        (
            Figure(
                _picture(trainer, chosen),
                f"Two-layer network, {HIDDEN} hidden units, momentum 0.9. Colours as in the legend.",
            ),
        ),
    )


def _warmup(trainer: ChapterTrainer) -> Claim:
    baseline = trainer.preset.experiment(model=MLP([HIDDEN]))
    grid = {
        warmup: [replace(baseline, schedule=Cosine(warmup=warmup), optimizer=Momentum(lr)) for lr in UNSTABLE_LRS]
        for warmup in WARMUP_FRACTIONS
    }
    trained = trainer.train_groups("warmup", grid).values()
    guessing = math.log(len(trainer.load(baseline.data).classes))
    limit = (guessing + min(run.last("val/loss") for runs in trained for run in runs)) / 2
    cold, led = (
        max((lr for lr, run in zip(UNSTABLE_LRS, runs, strict=True) if run.last("val/loss") <= limit), default=0.0)
        for runs in trained
    )
    return Claim(
        "Warmup avoids instability from large initial steps",
        f"with {WARMUP_FRACTIONS[1]:.0%} warmup, larger learning rates still end with half of the best gain "
        "over guessing",
        f"up to {led:g} with warmup, up to {cold:g} without",
        led > cold,
    )


def _picture(trainer: ChapterTrainer, chosen: dict[str, Trained]) -> bytes:
    samples, epochs = len(trainer.load(trainer.preset.subset).train), trainer.preset.epochs
    total = epochs * -(-samples // trainer.preset.batch_size)
    at = [t * epochs / total for t in range(total)]
    rates = [Line("", at, [factor(s, t, total) for t in range(total)]) for s in SCHEDULES.values()]
    losses = [
        curve(f"{name}, lr {run.experiment.optimizer.lr:g}", run.history["val/loss"]) for name, run in chosen.items()
    ]
    return charts(
        Chart("epochs", "learning rate (of its largest)", rates),
        Chart("epochs", "validation loss (nats)", losses, axes=LOG_Y),
    )
