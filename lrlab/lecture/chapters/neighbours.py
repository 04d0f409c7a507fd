"""Lecture 1.3: k nearest neighbours, L1 and L2, k chosen on validation images and tested once."""

from dataclasses import replace
from itertools import chain

import numpy as np

from lrlab.core.neighbours import KNN
from lrlab.data.dataset import Dataset
from lrlab.lecture.claims import ChapterResult, Claim, Failure
from lrlab.lecture.figures import LOG_X, Chart, Line, line_figure
from lrlab.lecture.trainer import ChapterTrainer, Trained
from lrlab.plotting.figures import Figure
from lrlab.training.methods.knn import BLOCK, NearestNeighbours, NeighbourCache, RunningMetrics

KS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100)
PUBLISHED = {("l2", 1): 0.354, ("l2", 10): 0.339, ("l1", 1): 0.386}  # raw CIFAR-10 pixels, all 50,000 images
ACCURACY_TOLERANCE = 0.005


def measure(trainer: ChapterTrainer) -> ChapterResult:
    baseline = trainer.preset.experiment(data=trainer.preset.full_data, method=NearestNeighbours(), model=KNN())
    grid = {metric: [replace(baseline, model=KNN(k, metric)) for k in KS] for metric in ("l2", "l1")}
    trained = trainer.train_groups("nearest neighbours", grid)
    chosen = max(chain.from_iterable(trained.values()), key=lambda run: run.last("val/accuracy"))
    best = chosen.experiment.model
    assert isinstance(best, KNN)
    dataset = trainer.load(baseline.data)
    tested = {metric: test(trainer, dataset, metric, {1, 10, best.k}) for metric in ("l2", "l1")}
    claims = [_published(trainer, tested, metric, k) for metric, k in PUBLISHED]
    validation, test_accuracy = chosen.last("val/accuracy"), tested[best.metric][best.k]
    margin = 3 * np.hypot(_error(validation, len(dataset.validation)), _error(test_accuracy, len(dataset.y_test)))
    claims.append(
        Claim(
            "1.3",
            "Choosing k on validation images",
            "k and the distance are chosen on validation images; the choice keeps its accuracy on the test",
            f"test accuracy within three standard errors ({margin:.3f}) of that of validation ({validation:.4f})",
            f"{test_accuracy:.4f} of the test images for {best.metric.upper()}, k = {best.k}",
            bool(abs(test_accuracy - validation) <= margin),
            Failure(
                f"The choice of {len(KS)} k and two distances fits the {len(dataset.validation)} validation images by "
                f"luck: it loses {validation - test_accuracy:.4f} on the test."
            ),
        )
    )
    return ChapterResult(tuple(claims), (_picture(trained, best, test_accuracy, _caption(dataset)),))


def test(trainer: ChapterTrainer, dataset: Dataset, metric: str, ks: set[int]) -> dict[int, float]:
    """Return the test accuracy for some k, with all other images, the validation ones too, as neighbours."""
    cache = NeighbourCache(replace(dataset, train=np.arange(len(dataset.y))), metric)
    tallies = {k: RunningMetrics() for k in ks}
    for i in range(0, len(dataset.y_test), BLOCK):
        labels = cache.labels(cache.x_test[i : i + BLOCK], max(ks))
        for k, tally in tallies.items():
            tally.add(KNN(k).votes(labels, len(dataset.classes)), dataset.y_test[i : i + BLOCK])
        trainer.watch(f"nearest neighbours: test, {metric.upper()}", (i + BLOCK) / len(dataset.y_test))
    return {k: tally.metrics("test")["test/accuracy"] for k, tally in tallies.items()}


def _published(trainer: ChapterTrainer, tested: dict[str, dict[int, float]], metric: str, k: int) -> Claim:
    accuracy = tested[metric][k]
    name = f"{metric.upper()}, k = {k}"
    if trainer.preset.name == "cifar10":
        expected = PUBLISHED[metric, k]
        return Claim(
            "1.3",
            f"Neighbours by {name}",
            f"Nearest neighbours on raw pixels, {name}: test accuracy",
            f"{expected} ± {ACCURACY_TOLERANCE}",
            f"{accuracy:.4f} of the test images",
            abs(accuracy - expected) <= ACCURACY_TOLERANCE,
        )
    return Claim(
        "1.3",
        f"Neighbours by {name}",
        f"Nearest neighbours on raw pixels, {name}: good where images are aligned",
        "test accuracy of at least 0.95",
        f"{accuracy:.4f} of the test images",
        accuracy >= 0.95,
    )


def _error(share: float, count: int) -> float:
    return float(np.sqrt(share * (1 - share) / count))


def _picture(trained: dict[str, list[Trained]], best: KNN, test_accuracy: float, caption: str) -> Figure:
    lines = [
        Line(f"{metric.upper()} distance", KS, [run.last("val/accuracy") for run in runs])
        for metric, runs in trained.items()
    ]
    lines.append(Line(f"the choice, {best.metric.upper()}, on the test", [best.k], [test_accuracy], "marked"))
    chart = Chart("k (neighbours that vote)", "accuracy", lines, axes={**LOG_X, "xticks": KS}, markers=True)
    return line_figure(chart, title="How many neighbours should vote?", caption=caption)


def _caption(dataset: Dataset) -> str:
    return (
        f"Accuracy on {len(dataset.validation)} validation images, whose neighbours are sought among "
        f"{len(dataset.train)} training images. For the test, validation images are neighbours too "
        f"({len(dataset.y)} in all), and all {len(dataset.y_test)} test images are asked: the red "
        "circle is the choice there. Distances are exact."
    )
