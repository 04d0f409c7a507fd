"""Lecture 6.2 and 6.3: learning-rate schedules and warmup, at an equal budget."""

import math
from dataclasses import replace

from lrlab.core.model import MLP
from lrlab.core.optimizer import Momentum
from lrlab.core.schedule import Constant, Cosine, InverseSqrt, LinearDecay, Schedule, Step, factor
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.figures import Chart, Line, charts
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
    grid = [
        replace(baseline, schedule=schedule, optimizer=Momentum(lr)) for schedule in SCHEDULES.values() for lr in LRS
    ]
    trained = trainer.train("schedules", grid)
    chosen = {name: best(trained[i * len(LRS) :][: len(LRS)]) for i, name in enumerate(SCHEDULES)}
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
    grid = [
        replace(baseline, schedule=Cosine(warmup=lead), optimizer=Momentum(lr))
        for lead in WARMUP_FRACTIONS
        for lr in UNSTABLE_LRS
    ]
    trained = trainer.train("warmup", grid)
    guessing = math.log(len(trainer.load(baseline.data).classes))
    limit = (guessing + min(run.last("val/loss") for run in trained)) / 2
    cold, led = (
        max((lr for lr, run in zip(UNSTABLE_LRS, part, strict=True) if run.last("val/loss") <= limit), default=0.0)
        for part in (trained[: len(UNSTABLE_LRS)], trained[len(UNSTABLE_LRS) :])
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
        Line(f"{name}, lr {run.experiment.optimizer.lr:g}", range(1, epochs + 1), run.history["val/loss"])
        for name, run in chosen.items()
    ]
    return charts(
        Chart("epochs", "learning rate (of its largest)", rates),
        Chart("epochs", "validation loss (nats)", losses, axes={"yscale": "log"}),
    )
