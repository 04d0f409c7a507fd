"""Lecture 6.4: the linear scaling rule, by the scaling analysis."""

import math
from dataclasses import replace

from lrlab.core.optimizer import SGD
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.figures import LOG, Chart, Line, charts
from lrlab.lecture.trainer import ChapterTrainer, Trained
from lrlab.plotting.figures import Figure
from lrlab.scaling_law.analysis import ScalingAnalysis, analyse

BATCH_SIZES = (16, 32, 64, 128, 256, 512)
LRS = {
    "digits": tuple(2.0**i for i in range(-7, 4)),
    "cifar10": tuple(2.0**i for i in range(-14, -2)),
}
SEEDS = (0, 1, 2)
EPOCHS = 5
EXPECTED_LR_RATIO, RATIO_TOLERANCE = 2.0, 0.2  # from 256 to 512, and how near counts as that
LOSS_TOLERANCE = 0.01  # relative difference of two losses that count as one


def measure(trainer: ChapterTrainer) -> ChapterResult:
    baseline = trainer.preset.experiment(epochs=EPOCHS)
    grid = [
        replace(baseline, seed=seed, batch_size=size, optimizer=SGD(lr))
        for seed in SEEDS
        for size in BATCH_SIZES
        for lr in LRS[trainer.preset.name]
    ]
    trained = trainer.train("linear scaling", grid)
    rows = [
        {
            "batch_size": run.experiment.batch_size,
            "lr": run.experiment.optimizer.lr,
            "seed": run.experiment.seed,
            "loss": run.last("val/loss"),
        }
        for run in trained
    ]
    analysis = analyse(rows)
    literal = trainer.train(
        "0.1 at 256, 0.2 at 512",
        [replace(baseline, batch_size=b, optimizer=SGD(lr)) for b, lr in ((256, 0.1), (512, 0.2))],
    )
    return ChapterResult((_doubles(analysis), _literal(literal)), (_picture(trained, analysis),))


def _doubles(analysis: ScalingAnalysis) -> Claim:
    low, high = (next(optimum for optimum in analysis.optima if optimum.batch_size == size) for size in (256, 512))
    claim = "Linear scaling rule: from batch size 256 to 512 the best learning rate doubles"
    expected = f"a factor of {EXPECTED_LR_RATIO:g} +- {RATIO_TOLERANCE:.0%} between the best learning rates"
    told = f"; over all sizes: {analysis.verdict.replace('_', ' ')}: {'; '.join(analysis.reasons)}"
    if not (low.curve and high.curve):
        return Claim(claim, expected, "no best learning rate could be found" + told, False)
    ratio = math.exp(high.curve.centre - low.curve.centre)
    return Claim(claim, expected, f"{ratio:.2f}{told}", abs(ratio / EXPECTED_LR_RATIO - 1) <= RATIO_TOLERANCE)


def _literal(pair: list[Trained]) -> Claim:
    small, large = (run.last("val/loss") for run in pair)
    return Claim(
        "Learning rate 0.1 at batch size 256 and 0.2 at 512 train alike",
        f"validation losses within {LOSS_TOLERANCE:.0%} after {EPOCHS} epochs",
        f"{small:.4f} and {large:.4f}: {abs(large / small - 1):.1%} apart",
        abs(large / small - 1) <= LOSS_TOLERANCE,
    )


def _picture(trained: list[Trained], analysis: ScalingAnalysis) -> Figure:
    first = [run for run in trained if run.experiment.seed == SEEDS[0]]
    curves = []
    for size in BATCH_SIZES:
        runs = [run for run in first if run.experiment.batch_size == size]
        tried = [run.experiment.optimizer.lr for run in runs]
        curves.append(Line(f"batch size {size}", tried, [run.last("val/loss") for run in runs]))
    known = [optimum for optimum in analysis.optima if optimum.curve]
    sizes = [optimum.batch_size for optimum in known]
    rates = [math.exp(optimum.curve.centre) for optimum in known if optimum.curve]
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
            axes={**LOG, "ylim": (0.95 * lowest, 6 * lowest)},
        ),
        Chart("batch size (samples)", "best learning rate", lines, axes=LOG),
        markers=True,
    )
    return Figure(picture, f"Plain SGD, {EPOCHS} epochs. Left: seed 0 of {len(SEEDS)}.")
