"""Lecture 6.4: the linear scaling rule, by the scaling analysis."""

import math
from dataclasses import replace

from lrlab.analysis.scaling.analysis import ScalingAnalysis, analyse
from lrlab.core.optimizer import SGD
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.figures import Chart, Line, charts
from lrlab.lecture.trainer import ChapterTrainer, Trained
from lrlab.plotting.figures import Figure

BATCH_SIZES = (16, 32, 64, 128, 256, 512)
LRS = {
    "digits": tuple(2.0**i for i in range(-7, 4)),
    "cifar10": tuple(2.0**i for i in range(-14, -2)),
}
SEEDS = (0, 1, 2)
EPOCHS = 5
FACTOR, NEAR = 2.0, 0.2  # from 256 to 512, and how near counts as that
SAME = 0.01  # relative difference of two losses that count as one


def measure(desk: ChapterTrainer) -> ChapterResult:
    plain = desk.preset.experiment(epochs=EPOCHS)
    grid = [
        replace(plain, seed=seed, batch_size=size, optimizer=SGD(lr))
        for seed in SEEDS
        for size in BATCH_SIZES
        for lr in LRS[desk.preset.name]
    ]
    trained = desk.train("linear scaling", grid)
    rows = [
        {
            "batch_size": one.experiment.batch_size,
            "lr": one.experiment.optimizer.lr,
            "seed": one.experiment.seed,
            "loss": one.last("val/loss"),
        }
        for one in trained
    ]
    found = analyse(rows)
    literal = desk.train(
        "0.1 at 256, 0.2 at 512",
        [replace(plain, batch_size=b, optimizer=SGD(lr)) for b, lr in ((256, 0.1), (512, 0.2))],
    )
    return ChapterResult((_doubles(found), _literal(literal)), (_picture(trained, found),))


def _doubles(found: ScalingAnalysis) -> Claim:
    low, high = (next(one for one in found.optima if one.batch_size == size) for size in (256, 512))
    claim = "Linear scaling rule: from batch size 256 to 512 the best learning rate doubles"
    expected = f"a factor of {FACTOR:g} +- {NEAR:.0%} between the best learning rates"
    told = f"; over all sizes: {found.verdict.replace('_', ' ')}: {'; '.join(found.reasons)}"
    if not (low.curve and high.curve):
        return Claim(claim, expected, "no best learning rate could be found" + told, False)
    ratio = math.exp(high.curve.centre - low.curve.centre)
    return Claim(claim, expected, f"{ratio:.2f}{told}", abs(ratio / FACTOR - 1) <= NEAR)


def _literal(pair: list[Trained]) -> Claim:
    small, large = (one.last("val/loss") for one in pair)
    return Claim(
        "Learning rate 0.1 at batch size 256 and 0.2 at 512 train alike",
        f"validation losses within {SAME:.0%} after {EPOCHS} epochs",
        f"{small:.4f} and {large:.4f}: {abs(large / small - 1):.1%} apart",
        abs(large / small - 1) <= SAME,
    )


def _picture(trained: list[Trained], found: ScalingAnalysis) -> Figure:
    first = [one for one in trained if one.experiment.seed == SEEDS[0]]
    curves = []
    for size in BATCH_SIZES:
        several = [one for one in first if one.experiment.batch_size == size]
        tried = [one.experiment.optimizer.lr for one in several]
        curves.append(Line(f"batch size {size}", tried, [one.last("val/loss") for one in several]))
    known = [one for one in found.optima if one.curve]
    sizes = [one.batch_size for one in known]
    rates = [math.exp(one.curve.centre) for one in known if one.curve]
    lines = [Line("best learning rate", sizes, rates, {"linestyle": ""})]
    if known:
        line = [rates[0] * size / sizes[0] for size in sizes]
        lines.append(Line("in proportion to the batch size", sizes, line, {"linestyle": "--", "marker": ""}))
    lowest = min(min(line.y) for line in curves)
    picture = charts(
        Chart(
            "learning rate",
            "validation loss (nats)",
            curves,
            axes={"xscale": "log", "yscale": "log", "ylim": (0.95 * lowest, 6 * lowest)},
        ),
        Chart("batch size (samples)", "best learning rate", lines, axes={"xscale": "log", "yscale": "log"}),
        markers=True,
    )
    return Figure(picture, f"Plain SGD, {EPOCHS} epochs. Left: seed 0 of {len(SEEDS)}.")
