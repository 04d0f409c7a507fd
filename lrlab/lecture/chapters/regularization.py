"""Lecture 3: train slightly worse, test better; L1 and L2."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lrlab.core.optimizer import SGD
from lrlab.core.regularizer import L1, L2, ElasticNet, L1Proximal, Regularizer
from lrlab.core.schedule import Cosine
from lrlab.lecture.claims import ChapterResult, Claim, Failure
from lrlab.lecture.figures import LOG, LOG_X, Chart, Line, line_figure
from lrlab.lecture.trainer import ChapterTrainer, Trained, best
from lrlab.lecture.wording import number, percent
from lrlab.plotting.figures import Figure

STRENGTHS = tuple(np.logspace(-4, -0.5, 8).tolist())
KINDS: dict[str, Callable[[float], Regularizer]] = {"L2": L2, "L1 (proximal)": L1Proximal, "elastic net": ElasticNet}
LR = {"digits": 1.0, "cifar10": 0.003}
EPOCHS = {"digits": 1000, "cifar10": 500}


def measure(trainer: ChapterTrainer) -> ChapterResult:
    """Train on full batches: the noise of mini-batches would throw weights out of zero again."""
    name, samples = trainer.preset.name, len(trainer.load(trainer.preset.small_subset).train)
    experiment = trainer.preset.experiment(
        data=trainer.preset.small_subset,
        optimizer=SGD(LR[name]),
        schedule=Cosine(),
        epochs=EPOCHS[name],
        batch_size=samples,
    )
    grid = {
        kind: [replace(experiment, regularizer=regularizer(strength)) for strength in STRENGTHS]
        for kind, regularizer in KINDS.items()
    }
    paths = trainer.train_groups("lambda path", {"none": [experiment], **grid})
    (baseline,) = paths.pop("none")
    bests = {kind: best(runs) for kind, runs in paths.items()}
    claims = (
        *(_improves_validation(kind, baseline, run) for kind, run in bests.items()),
        _zeros(bests),
        _spread(bests),
        _example(),
    )
    return ChapterResult(
        claims,
        (_losses(baseline, paths, samples), _weights(paths)),
    )


def zeros(run: Trained) -> float:
    """Return the share of weights that are exactly zero."""
    return float(np.mean(run.weights["W1"] == 0))


def effective_share(run: Trained) -> float:
    """Return (sum |w|)^2 / (n sum w^2), the share of weights among which the size is spread."""
    size = np.abs(run.weights["W1"].astype(float))
    return float(size.sum() ** 2 / (size.size * max((size**2).sum(), 1e-300)))


def _improves_validation(kind: str, baseline: Trained, run: Trained) -> Claim:
    names = "train/loss", "val/loss"
    strength = run.experiment.regularizer.strength
    before, after = ([trained.last(name) for name in names] for trained in (baseline, run))
    return Claim(
        "3.1",
        f"Worse in training, better outside: {kind}",
        f"{kind}: slightly worse on the training data, better on data not seen",
        f"at the best lambda, training loss above {before[0]:.4f} and validation loss below {before[1]:.4f}",
        f"training loss {after[0]:.4f}, validation loss {after[1]:.4f} at lambda {number(strength)}; validation "
        f"accuracy from {baseline.last('val/accuracy'):.3f} to {run.last('val/accuracy'):.3f}",
        after[0] > before[0] and after[1] < before[1],
        Failure(
            f"Without a regularizer the training loss is {before[0]:.4f} and the validation loss {before[1]:.4f}, with "
            f"the best lambda {after[0]:.4f} and {after[1]:.4f}: the gap that it could close is "
            f"{before[1] - before[0]:.4f}.",
            "where the model overfits more, as with less data",
        ),
    )


def _zeros(bests: dict[str, Trained]) -> Claim:
    sparse, dense = zeros(bests["L1 (proximal)"]), zeros(bests["L2"])
    return Claim(
        "3.3",
        "L1 makes zeros",
        "L1 makes many weights exactly zero, L2 none",
        "at each one's best lambda, more than 10 % with L1, 0 % with L2",
        f"{percent(sparse)} with L1, {percent(dense)} with L2",
        sparse > 0.1 and dense == 0,
        Failure(
            f"The best lambda for L1 is {number(bests['L1 (proximal)'].experiment.regularizer.strength)}, at which "
            f"{percent(sparse)} of the weights are zero.",
            "at larger lambda",
        ),
    )


def _spread(bests: dict[str, Trained]) -> Claim:
    l1, l2 = (effective_share(bests[kind]) for kind in ("L1 (proximal)", "L2"))
    return Claim(
        "3.2",
        "L2 spreads weights out",
        "L2 prefers weights that are spread out, L1 sparse ones",
        "a larger effective share of the weights with L2",
        f"an effective share of {l2:.2f} with L2, {l1:.2f} with L1",
        l2 > l1,
    )


def _example() -> Claim:
    single, spread = np.array([1.0, 0, 0, 0]), np.full(4, 0.25)
    values = [kind(1.0).value(w) for kind in (L2, L1) for w in (single, spread)]
    return Claim(
        "3.4",
        "The example of two weight vectors",
        "w1 = [1, 0, 0, 0] and w2 = [0.25, 0.25, 0.25, 0.25]: L2 prefers w2, L1 has no preference",
        "L2: 1 and 0.25; L1: 1 and 1",
        "L2: {:g} and {:g}; L1: {:g} and {:g}".format(*values),
        values == [1, 0.25, 1, 1],
    )


def _losses(baseline: Trained, paths: dict[str, list[Trained]], samples: int) -> Figure:
    panels = []
    for metric, label in (("train/loss", "training loss (nats)"), ("val/loss", "validation loss (nats)")):
        lines = [Line(kind, STRENGTHS, [run.last(metric) for run in runs]) for kind, runs in paths.items()]
        lines.append(Line("no regularizer", [STRENGTHS[0], STRENGTHS[-1]], [baseline.last(metric)] * 2, "reference"))
        panels.append(Chart("lambda", label, lines, axes=LOG, markers=True))
    circled = [best(runs) for runs in paths.values()]
    points = [run.experiment.regularizer.strength for run in circled], [run.last("val/loss") for run in circled]
    panels[1] = replace(panels[1], lines=[*panels[1].lines, Line("the best", *points, "marked")])
    return line_figure(
        *panels,
        title="More regularization: worse in training, up to a point better outside",
        caption=f"{samples} training images, full batches. Dashed: no regularizer. Red circles: the best.",
    )


def _weights(paths: dict[str, list[Trained]]) -> Figure:
    panels = [
        Chart(
            "lambda",
            label,
            [Line(kind, STRENGTHS, [of(run) for run in runs]) for kind, runs in paths.items()],
            axes=LOG_X,
            markers=True,
        )
        for of, label in ((zeros, "share of weights exactly zero"), (effective_share, "effective share of weights"))
    ]
    return line_figure(
        *panels,
        title="L1 makes zeros, L2 spreads weights out",
        caption="L1 by proximal steps (soft thresholding after each update), so that zeros are exact; elastic net by "
        "subgradients, half L1 and half L2. Effective share: (Σ|w|)² / (n Σw²), 1 if all are equal.",
    )
