"""Lecture 6.2 and 6.3: learning-rate schedules and warmup, at an equal budget."""

import math
from dataclasses import replace

from lrlab.analysis.answers.wording import listed
from lrlab.core.model import MLP
from lrlab.core.optimizer import Momentum
from lrlab.core.schedule import Constant, Cosine, InverseSqrt, LinearDecay, Schedule, Step, factor
from lrlab.lecture.claims import ChapterResult, Claim, Failure
from lrlab.lecture.figures import LOG_Y, Chart, Line, curve, line_figure
from lrlab.lecture.trainer import ChapterTrainer, Trained, best
from lrlab.lecture.wording import number, percent
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
    trained = trainer.train_groups("schedules", grid)
    chosen = {name: best(runs) for name, runs in trained.items()}
    ends = {name: run.last("val/loss") for name, run in chosen.items()}
    decays = {name: end for name, end in ends.items() if name != "constant"}
    first = min(ends, key=ends.__getitem__)
    claims = (
        Claim(
            "6.2",
            "Decaying the learning rate",
            "Lowering the learning rate during training beats a constant one",
            f"each decay ends at a lower validation loss than constant ({ends['constant']:.4f}), each at its best rate",
            "validation loss: " + ", ".join(f"{name} {end:.4f}" for name, end in decays.items()),
            all(end < ends["constant"] for end in decays.values()),
            _why_no_decay(trained, chosen),
        ),
        Claim(
            "6.3",
            "Warmup + cosine",
            "Warmup + cosine is a good combination",
            f"the lowest validation loss of all, or within 10 % of it ({first}: {ends[first]:.4f})",
            f"validation loss {ends['warmup + cosine']:.4f}",
            ends["warmup + cosine"] <= 1.1 * ends[first],
            Failure(
                f"It ends {percent(ends['warmup + cosine'] / ends[first] - 1)} above {first}, each at its best rate."
            ),
        ),
        _warmup(trainer),
    )
    return ChapterResult(claims, (_picture(trainer, chosen),))


def _why_no_decay(trained: dict[str, list[Trained]], chosen: dict[str, Trained]) -> Failure:
    """Compare the training losses at the rate that is best when constant, and all schedules at the same rates."""
    constant = chosen["constant"]
    at = LRS.index(constant.experiment.optimizer.lr)
    reached = [runs[at].last("train/loss") for name, runs in trained.items() if name != "constant"]
    slower = sum(loss > constant.last("train/loss") for loss in reached)
    reason = (
        f"At {LRS[at]:g}, the best constant rate, {slower} of {len(reached)} decays end at a higher training loss "
        f"({min(reached):.4f} to {max(reached):.4f}) than constant ({constant.last('train/loss'):.4f}): "
        f"in {constant.experiment.epochs} epochs the small rates at the end only slow training down."
    )
    better = [
        (lr, names)
        for index, lr in enumerate(LRS)
        if (
            names := [
                name
                for name, runs in trained.items()
                if runs[index].last("val/loss") < trained["constant"][index].last("val/loss")
            ]
        )
    ]
    condition = "; ".join(f"at the same rate of {lr:g}, for {listed(names)}" for lr, names in better)
    return Failure(reason, condition or "with more epochs, or at a larger rate", bool(better))


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
        "6.3",
        "Warmup against instability",
        "Warmup avoids instability from large initial steps",
        f"with {percent(WARMUP_FRACTIONS[1], 0)} warmup, larger learning rates still end with half of the best gain "
        "over guessing",
        f"rates up to {number(led)} with warmup, up to {number(cold)} without",
        led > cold,
        Failure(
            f"Training is stable up to a rate of {number(cold)} without warmup, and up to {number(led)} with it: "
            "the first steps are not what makes it unstable here."
        ),
    )


def _picture(trainer: ChapterTrainer, chosen: dict[str, Trained]) -> Figure:
    samples, epochs = len(trainer.load(trainer.preset.subset).train), trainer.preset.epochs
    total = epochs * -(-samples // trainer.preset.batch_size)
    at = [t * epochs / total for t in range(total)]
    rates = [Line(name, at, [factor(s, t, total) for t in range(total)]) for name, s in SCHEDULES.items()]
    losses = [curve(name, run.history["val/loss"]) for name, run in chosen.items()]
    best_rates = ", ".join(f"{name} {run.experiment.optimizer.lr:g}" for name, run in chosen.items())
    return line_figure(
        Chart("epochs", "learning rate (of its largest)", rates),
        Chart("epochs", "validation loss (nats)", losses, axes=LOG_Y),
        title="Schedules, and where they end",
        caption=f"Two-layer network, {HIDDEN} hidden units, momentum 0.9. Each at its best rate: {best_rates}.",
    )
