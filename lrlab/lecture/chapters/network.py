"""Lecture 7.4: a two-layer network learns what a linear classifier cannot."""

from dataclasses import replace

import numpy as np

from lrlab.core.model import MLP, Linear
from lrlab.core.neighbours import KNN, nearest
from lrlab.core.optimizer import Adam, AdamW
from lrlab.core.schedule import Cosine
from lrlab.data.dataset import Dataset
from lrlab.data.spirals import Spirals
from lrlab.lecture.claims import ChapterResult, Claim, Failure
from lrlab.lecture.trainer import ChapterTrainer, Trained
from lrlab.plotting.figures import BLUE, GREEN, ORANGE, PAGE_DPI, Figure, figure, png

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
            "7.4",
            "Two layers on images",
            "A two-layer network classifies images better than a linear model",
            f"higher test accuracy than linear, with {HIDDEN} hidden units and the same optimizer",
            f"{network.tested['test/accuracy']:.4f} of the test images, against {linear.tested['test/accuracy']:.4f}",
            network.tested["test/accuracy"] > linear.tested["test/accuracy"],
            Failure(
                f"After {images.epochs} epochs the network's training loss is {network.last('train/loss'):.4f}, the "
                f"linear model's {linear.last('train/loss'):.4f}: what it learns more does not carry over to the test."
            ),
        ),
        *_published(trainer, network),
    )
    drawn = Figure(
        _regions(trainer.load(plane.data), linear_run, mlp_run),
        f"Training points of the spirals, and which class is predicted where, by a linear model, by two layers with "
        f"{HIDDEN} hidden units, and by 5 nearest neighbours.",
        title="Decision boundaries: straight, learned, and of neighbours",
    )
    return ChapterResult(claims, (drawn,))


def _claim_spirals(linear_run: Trained, mlp_run: Trained) -> Claim:
    accuracies = [run.tested["test/accuracy"] for run in (linear_run, mlp_run)]
    return Claim(
        "7.4",
        "Two layers on spirals",
        "Data that is not linearly separable: a linear model fails, a two-layer network learns it",
        "on three spirals, test accuracy below 0.65 and above 0.95",
        f"test accuracy {accuracies[0]:.3f} linear, {accuracies[1]:.3f} with {HIDDEN} hidden units",
        accuracies[0] < 0.65 and accuracies[1] > 0.95,
    )


def _published(trainer: ChapterTrainer, network: Trained) -> tuple[Claim, ...]:
    if trainer.preset.name != "cifar10":
        return ()
    accuracy = network.tested["test/accuracy"]
    claim = f"Two-layer network with {HIDDEN} hidden units: test accuracy on CIFAR-10"
    holds = accuracy >= MIN_PUBLISHED_ACCURACY
    expected = f"at least {MIN_PUBLISHED_ACCURACY}"
    return (Claim("7.4", "Accuracy of two layers", claim, expected, f"{accuracy:.4f}", holds),)


def classes_of(run: Trained, points: np.ndarray) -> np.ndarray:
    """Return the classes (N,) that a trained model gives points (N, D)."""
    h = points
    layers = len(run.weights) // 2
    for layer in range(1, layers + 1):
        h = h @ run.weights[f"W{layer}"].T + run.weights[f"b{layer}"]
        h = np.maximum(h, 0) if layer < layers else h
    classes: np.ndarray = h.argmax(axis=1)
    return classes


def _regions(data: Dataset, linear_run: Trained, mlp_run: Trained) -> list[bytes]:
    axis = np.linspace(-PLANE_HALF_WIDTH, PLANE_HALF_WIDTH, 240)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    x, y = data.x[data.train], data.y[data.train]
    neighbours = KNN(k=5).votes(y[nearest(grid, x, 5, "l2")], len(data.classes)).argmax(axis=1)
    seen = {
        "linear": classes_of(linear_run, grid),
        "two layers": classes_of(mlp_run, grid),
        "5 nearest neighbours": neighbours,
    }
    drawn = []
    for name, classes in seen.items():
        drawing, axes = figure(3.9, 3.9)
        for c, (colour, marker) in enumerate(zip((BLUE, ORANGE, GREEN), "os^", strict=True)):
            region = (classes == c).reshape(len(axis), -1).astype(float)
            axes.contourf(axis, axis, region, levels=(0.5, 1), colors=(colour,), alpha=0.3)
            axes.plot(*x[y == c].T, marker, color=colour, markersize=3)
        axes.set(title=name, xlabel="x (standard deviations)", ylabel="y (standard deviations)", aspect="equal")
        drawn.append(png(drawing, PAGE_DPI))
    return drawn
