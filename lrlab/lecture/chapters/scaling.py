"""Lecture 6.4: the linear scaling rule, by the scaling analysis."""

import math
from dataclasses import replace
from itertools import pairwise

from lrlab.analysis.answers.wording import listed
from lrlab.core.optimizer import SGD
from lrlab.lecture.claims import ChapterResult, Claim, Failure
from lrlab.lecture.figures import LOG, Chart, Line, line_figure
from lrlab.lecture.trainer import ChapterTrainer, Trained
from lrlab.lecture.wording import number, percent
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
    samples = len(trainer.load(baseline.data).train)
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
    return ChapterResult(
        (_doubles(analysis, trained, samples), _literal(literal, trained, samples)), (_picture(trained, analysis),)
    )


def _doubles(analysis: ScalingAnalysis, trained: list[Trained], samples: int) -> Claim:
    rates = {
        optimum.batch_size: math.exp(optimum.curve.centre) if optimum.curve else math.nan for optimum in analysis.optima
    }
    ratios = {(low, high): rates[high] / rates[low] for low, high in pairwise(BATCH_SIZES)}
    ratio = ratios[256, 512]
    double = [pair for pair, each in ratios.items() if abs(each / EXPECTED_LR_RATIO - 1) <= RATIO_TOLERANCE]
    found = ", ".join(f"{each:.2f} from {low} to {high}" for (low, high), each in ratios.items() if math.isfinite(each))
    verdict = analysis.verdict.replace("_", " ")
    reason = (
        f"The factors are {found or 'unknown'}. {EPOCHS} epochs are {_updates(samples, 256)} updates at batch size 256 "
        f"and {_updates(samples, 512)} at 512: the least loss is {_least(trained, 256):.3f} and "
        f"{_least(trained, 512):.3f}, against {_least(trained, BATCH_SIZES[0]):.3f} at {BATCH_SIZES[0]}. The scaling "
        f"analysis of all sizes says: {verdict}."
    )
    met = listed([f"from {low} to {high}" for low, high in double]) if double else ""
    return Claim(
        "6.4",
        "The best rate doubles with the batch",
        "Linear scaling rule: from batch size 256 to 512 the best learning rate doubles",
        f"a factor of {EXPECTED_LR_RATIO:g} ± {percent(RATIO_TOLERANCE, 0)} between the best learning rates",
        f"a factor of {ratio:.2f}" if math.isfinite(ratio) else f"no best learning rate at {_unknown(rates)}",
        abs(ratio / EXPECTED_LR_RATIO - 1) <= RATIO_TOLERANCE,
        Failure(reason, met or "with batches far below the gradient's noise scale, and enough updates", bool(double)),
    )


def _unknown(rates: dict[int, float]) -> str:
    return listed([f"batch size {size}" for size in (256, 512) if not math.isfinite(rates[size])])


def _least(trained: list[Trained], batch_size: int) -> float:
    return min(run.last("val/loss") for run in trained if run.experiment.batch_size == batch_size)


def _updates(samples: int, batch_size: int) -> int:
    return EPOCHS * -(-samples // batch_size)


def _literal(pair: list[Trained], trained: list[Trained], samples: int) -> Claim:
    small, large = (run.last("val/loss") for run in pair)
    losses: dict[tuple[int, float], float] = {}
    for run in trained:
        if run.experiment.seed == SEEDS[0]:
            losses[run.experiment.batch_size, run.experiment.optimizer.lr] = run.last("val/loss")
    apart = {
        (size, lr): abs(losses[2 * size, 2 * lr] / loss - 1)
        for (size, lr), loss in losses.items()
        if (2 * size, 2 * lr) in losses and math.isfinite(loss)
    }
    alike = [key for key, difference in apart.items() if difference <= LOSS_TOLERANCE]
    first = f", such as {_pair(*alike[0])}" if alike else ""
    return Claim(
        "6.4",
        "Twice the batch, twice the rate",
        "Learning rate 0.1 at batch size 256 and 0.2 at 512 train alike",
        f"validation losses within {percent(LOSS_TOLERANCE, 0)} after {EPOCHS} epochs",
        f"validation losses {small:.4f} and {large:.4f}: {percent(abs(large / small - 1))} apart",
        abs(large / small - 1) <= LOSS_TOLERANCE,
        Failure(
            f"After {_updates(samples, 256)} and {_updates(samples, 512)} updates both are still far from the least "
            f"loss of the grid, {min(losses.values()):.4f}, so that a few updates more or fewer count.",
            f"for {len(alike)} of {len(apart)} pairs of the grid{first}",
            bool(alike),
        ),
    )


def _pair(size: int, lr: float) -> str:
    return f"{number(lr)} at {size} and {number(2 * lr)} at {2 * size}"


def _picture(trained: list[Trained], analysis: ScalingAnalysis) -> Figure:
    first = [run for run in trained if run.experiment.seed == SEEDS[0]]
    curves = []
    for size in BATCH_SIZES:
        runs = [run for run in first if run.experiment.batch_size == size]
        tried = [run.experiment.optimizer.lr for run in runs]
        curves.append(Line(f"{size}", tried, [run.last("val/loss") for run in runs]))
    known = [optimum for optimum in analysis.optima if optimum.curve]
    sizes = [optimum.batch_size for optimum in known]
    rates = [math.exp(optimum.curve.centre) for optimum in known if optimum.curve]
    lines = [Line("best learning rate", sizes, rates)]
    if known:
        line = [rates[0] * size / sizes[0] for size in sizes]
        lines.append(Line("in proportion to the batch size", sizes, line, "reference"))
    lowest = min(min(line.y) for line in curves)
    return line_figure(
        Chart(
            "learning rate",
            "validation loss (nats)",
            curves,
            axes={**LOG, "ylim": (0.95 * lowest, 6 * lowest)},
            markers=True,
            order=True,
        ),
        Chart("batch size (samples)", "best learning rate", lines, axes={**LOG, "xticks": sizes}, markers=True),
        title="Does the best learning rate grow with the batch size?",
        caption=f"Plain SGD, {EPOCHS} epochs. First panel: seed 0 of {len(SEEDS)}. Dashed: in proportion to the batch "
        "size, from the smallest.",
    )
