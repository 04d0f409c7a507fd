"""Lecture 1.4: the linear classifier, seen as algebra, as templates, as geometry, and measured."""

import numpy as np

from lrlab.core.optimizer import Momentum
from lrlab.core.regularizer import L2
from lrlab.core.schedule import Cosine
from lrlab.data.spirals import Spirals
from lrlab.lecture.claims import ChapterResult, Claim, Failure
from lrlab.lecture.trainer import ChapterTrainer, Trained, best
from lrlab.lecture.wording import agreement
from lrlab.plotting.figures import PAGE_DPI, Figure, templates

EXPECTED_ACCURACY = {"cifar10": (0.39, 0.42), "digits": (0.93, 1.0)}
RANDOM_PAIRS = 10_000


def measure(trainer: ChapterTrainer) -> ChapterResult:
    grid = [
        trainer.preset.experiment(
            data=trainer.preset.full_data,
            optimizer=Momentum(lr=lr),
            schedule=Cosine(),
            regularizer=L2(1e-3),
        )
        for lr in (1e-3, 3e-3, 1e-2)
    ]
    chosen = best(trainer.train("linear classifier", grid, test=True))
    accuracy = chosen.tested["test/accuracy"]
    low, high = EXPECTED_ACCURACY[trainer.preset.name]
    claims = (
        _algebra(trainer, chosen),
        _templates(trainer, chosen),
        _geometry(trainer),
        Claim(
            "1.4",
            "Accuracy of a linear classifier",
            "A linear softmax classifier is a baseline: its test accuracy",
            f"{low} to {high}",
            f"{accuracy:.4f} of the test images, the learning rate chosen on validation images",
            low <= accuracy <= high,
        ),
    )
    data = trainer.load(trainer.preset.full_data)
    colours = "Purple" if data.image_shape[-1] == 1 else "Bright"
    picture = templates(chosen.weights["W1"], data.image_shape, data.classes, PAGE_DPI)
    return ChapterResult(
        claims,
        (
            Figure(
                picture,
                f"Each class's row of W as an image. {colours} pixels of the image speak for the class.",
                title="What a linear classifier looks for: a template of each class",
            ),
        ),
    )


def _algebra(trainer: ChapterTrainer, chosen: Trained) -> Claim:
    """Compare the scores that classified the test images with sums written out."""
    data = trainer.load(trainer.preset.full_data)
    W, b = (chosen.weights[name].astype(float) for name in ("W1", "b1"))
    x = data.x_test[:20].astype(float)
    ours = x @ W.T + b
    loops = [
        [sum(w * p for w, p in zip(row, image, strict=True)) + c for row, c in zip(W, b, strict=True)] for image in x
    ]
    difference = float(np.abs(ours - loops).max())
    return Claim(
        "1.4",
        "Algebraic view: a dot product",
        "Algebraic view: a class's score is the dot product of its row of W with the image, plus its bias",
        "the sums written out give the same scores to 10 decimals",
        f"{ours.size} scores, {agreement(difference)}",
        difference < 1e-10,
    )


def _templates(trainer: ChapterTrainer, chosen: Trained) -> Claim:
    data = trainer.load(trainer.preset.full_data)
    y = data.y[data.train]
    means = np.stack([data.x[data.train[y == c]].mean(axis=0) for c in range(len(data.classes))])
    scores = means @ chosen.weights["W1"].T + chosen.weights["b1"]
    matched = int(np.sum(scores.argmax(axis=1) == np.arange(len(means))))
    missed = [name for c, name in enumerate(data.classes) if scores[c].argmax() != c]
    return Claim(
        "1.4",
        "Template view: a row, an image",
        "Template view: each row of W is a template of its class",
        f"the mean image of each of the {len(means)} classes scores highest under its own row",
        f"{matched} of {len(means)} mean images",
        matched == len(means),
        Failure(f"The mean images of {', '.join(map(str, missed))} score higher under the row of another class."),
    )


def _geometry(trainer: ChapterTrainer) -> Claim:
    """Test that regions between hyperplanes are convex: between two points of a region there is nothing else."""
    (chosen,) = trainer.train("linear classifier in the plane", [trainer.preset.experiment(data=Spirals(), epochs=10)])
    W, b = chosen.weights["W1"], chosen.weights["b1"]
    rng = np.random.default_rng(0)
    first, second = rng.uniform(-3, 3, (2, RANDOM_PAIRS, 2))
    share = rng.uniform(size=(RANDOM_PAIRS, 1))
    classes = [(points @ W.T + b).argmax(axis=1) for points in (first, second, share * first + (1 - share) * second)]
    together = classes[0] == classes[1]
    kept = int(np.sum(classes[2][together] == classes[0][together]))
    return Claim(
        "1.4",
        "Geometric view: convex regions",
        "Geometric view: hyperplanes separate the classes, so every class's region is convex",
        "a point between two points of a class is of that class, always",
        f"{kept:,} of {together.sum():,} random pairs in the plane",
        kept == together.sum(),
    )
