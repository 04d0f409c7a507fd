"""Loss and accuracy of parameters, outside a population."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from lrlab.core.loss import Loss
from lrlab.core.model import Layer, forward
from lrlab.data.datasets import Dataset

Array = np.ndarray

BATCH = 512


def evaluate(layers: Sequence[Layer], loss: Loss, images: Array, labels: Array, rows: Array) -> tuple[Array, Array]:
    """Return the mean loss (K,), in nats, and accuracy (K,) of K stacked members.

    Args:
        layers: their parameters; the images are cast to the dtype of these.
        loss: what to average.
        images: (N, D).
        labels: (N,).
        rows: which of the images.
    """
    members, dtype = len(layers[0].W), layers[0].W.dtype
    losses, right = np.zeros(members), np.zeros(members)
    for i in range(0, len(rows), BATCH):
        chosen = rows[i : i + BATCH]
        y = labels[chosen]
        out = [np.empty((members, layer.W.shape[1], len(chosen)), dtype) for layer in layers]
        scores = forward(layers, images[chosen].astype(dtype, copy=False), out)
        losses += loss.value(scores, y).sum(axis=1, dtype=np.float64)
        right += np.count_nonzero(scores.argmax(axis=1) == y, axis=1)
    return losses / len(rows), right / len(rows)


Split = Literal["train", "val", "test"]


def split_metrics(split: Split, layers: Sequence[Layer], loss: Loss, dataset: Dataset) -> dict[str, float]:
    """Return loss and accuracy of one member (K = 1) on a split, as metrics."""
    images, labels, rows = {
        "train": (dataset.x, dataset.y, dataset.train),
        "val": (dataset.x, dataset.y, dataset.validation),
        "test": (dataset.x_test, dataset.y_test, np.arange(len(dataset.y_test))),
    }[split]
    (losses,), (accuracy,) = evaluate(layers, loss, images, labels, rows)
    return {f"{split}/loss": float(losses), f"{split}/accuracy": float(accuracy)}
