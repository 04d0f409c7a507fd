"""Lecture 7.4: a two-layer network learns what a linear classifier cannot."""

from dataclasses import replace

import numpy as np

from lrlab.core.model import MLP, Linear
from lrlab.core.neighbours import KNN, nearest
from lrlab.core.optimizer import Adam, AdamW
from lrlab.core.schedule import Cosine
from lrlab.data.dataset import Dataset
from lrlab.data.spirals import Spirals
from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.lecture.trainer import ChapterTrainer, Trained
from lrlab.plotting.figures import BLUE, GREEN, ORANGE, Figure, figure, png

HIDDEN = 100
MIN_PUBLISHED_ACCURACY = 0.52  # with 100 hidden units on CIFAR-10
PLANE_HALF_WIDTH = 2.7


def measure(trainer: ChapterTrainer) -> ChapterResult:
    plane = trainer.preset.experiment(
        data=Spirals(), optimizer=Adam(lr=0.01), schedule=Cosine(), epochs=100, batch_size=32
    )
    linear_run, mlp_run = trainer.train("spirals", [plane, replace(plane, model=MLP([HIDDEN]))], test=True)
    images = trainer.preset.experiment(
        data=trainer.preset.full_data,
        optimizer=AdamW(lr=1e-3, weight_decay=0.01),
        schedule=Cosine(),
        epochs=trainer.preset.long_epochs,
    )
    linear, network = trainer.train(
        "linear and two layers", [replace(images, model=m) for m in (Linear(), MLP([HIDDEN]))], test=True
    )
    claims = (
        _claim_spirals(linear_run, mlp_run),
        Claim(
            "A two-layer network classifies images better than a linear model",
            f"higher test accuracy than linear, with {HIDDEN} hidden units and the same optimizer",
            f"{network.tested['test/accuracy']:.4f} against {linear.tested['test/accuracy']:.4f}",
            network.tested["test/accuracy"] > linear.tested["test/accuracy"],
        ),
        *_published(trainer, network),
    )
    picture = _regions(trainer.load(plane.data), linear_run, mlp_run)
    return ChapterResult(
        claims, (Figure(picture, "Training points of the spirals, and which class each model predicts where."),)
    )


def _claim_spirals(linear_run: Trained, mlp_run: Trained) -> Claim:
    accuracies = [run.tested["test/accuracy"] for run in (linear_run, mlp_run)]
    return Claim(
        "Data that is not linearly separable: a linear model fails, a two-layer network learns it",
        "on three spirals, test accuracy below 0.65 and above 0.95",
        f"{accuracies[0]:.3f} linear, {accuracies[1]:.3f} with {HIDDEN} hidden units",
        accuracies[0] < 0.65 and accuracies[1] > 0.95,
    )


def _published(trainer: ChapterTrainer, network: Trained) -> tuple[Claim, ...]:
    if trainer.preset.name != "cifar10":
        return ()
    accuracy = network.tested["test/accuracy"]
    claim = f"Two-layer network with {HIDDEN} hidden units: test accuracy on CIFAR-10"
    return (Claim(claim, f">= {MIN_PUBLISHED_ACCURACY}", f"{accuracy:.4f}", accuracy >= MIN_PUBLISHED_ACCURACY),)


def classes_of(run: Trained, points: np.ndarray) -> np.ndarray:
    """Return the classes (N,) that a trained model gives points (N, D)."""
    h = points
    layers = len(run.weights) // 2
    for layer in range(1, layers + 1):
        h = h @ run.weights[f"W{layer}"].T + run.weights[f"b{layer}"]
        h = np.maximum(h, 0) if layer < layers else h
    classes: np.ndarray = h.argmax(axis=1)
    return classes


def _regions(data: Dataset, linear_run: Trained, mlp_run: Trained) -> bytes:
    axis = np.linspace(-PLANE_HALF_WIDTH, PLANE_HALF_WIDTH, 240)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    x, y = data.x[data.train], data.y[data.train]
    neighbours = KNN(k=5).votes(y[nearest(grid, x, 5, "l2")], len(data.classes)).argmax(axis=1)
    seen = {
        "linear": classes_of(linear_run, grid),
        f"two layers, {HIDDEN} hidden units": classes_of(mlp_run, grid),
        "5 nearest neighbours": neighbours,
    }
    drawing, row = figure(10.5, 3.7, ncols=3)
    for axes, (name, classes) in zip(row, seen.items(), strict=True):
        for c, (colour, marker) in enumerate(zip((BLUE, ORANGE, GREEN), "os^", strict=True)):
            region = (classes == c).reshape(len(axis), -1).astype(float)
            axes.contourf(axis, axis, region, levels=(0.5, 1), colors=(colour,), alpha=0.3)
            axes.plot(*x[y == c].T, marker, color=colour, markersize=2.5)
        axes.set(title=name, xlabel="x (standard deviations)", ylabel="y (standard deviations)", aspect="equal")
    return png(drawing)
