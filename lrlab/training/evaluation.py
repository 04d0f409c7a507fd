"""Loss and accuracy of parameters, outside a population."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import numpy as np

from lrlab.core.loss import Loss
from lrlab.core.model import Layer, forward
from lrlab.data.dataset import Dataset

Array = np.ndarray

EVALUATION_BATCH = 512


def evaluate(
    layers: Sequence[Layer], loss: Loss, batches: Iterable[tuple[Array, Array]], out: Callable[[int], list[Array]]
) -> tuple[Array, Array]:
    """Return the mean loss (K,), in nats, and accuracy (K,) of K stacked members.

    Args:
        layers: their parameters.
        loss: what to average.
        batches: pairs of images (B, D), in the dtype of the parameters, and labels (B,).
        out: gives the output buffers for a batch of B images, see ``lrlab.core.model.forward``.
    """
    members, samples = len(layers[0].W), 0
    losses, right = np.zeros(members), np.zeros(members)
    for x, y in batches:
        scores = forward(layers, x, out(len(y)))
        losses += loss.value(scores, y).sum(axis=1, dtype=np.float64)
        right += np.count_nonzero(scores.argmax(axis=1) == y, axis=1)
        samples += len(y)
    return losses / samples, right / samples


def evaluate_rows(
    layers: Sequence[Layer], loss: Loss, images: Array, labels: Array, rows: Array
) -> tuple[Array, Array]:
    """Return mean loss (K,) and accuracy (K,) on some rows of images (N, D) with labels (N,)."""
    members, dtype = len(layers[0].W), layers[0].W.dtype
    blocks = (rows[i : i + EVALUATION_BATCH] for i in range(0, len(rows), EVALUATION_BATCH))
    batches = ((images[block].astype(dtype, copy=False), labels[block]) for block in blocks)
    return evaluate(
        layers, loss, batches, lambda length: [np.empty((members, layer.W.shape[1], length), dtype) for layer in layers]
    )


def log_spaced_counts(total: int) -> frozenset[int]:
    """Return 0, 1, 2, 3, 4, 6, 8, 11, 16, ..., total: the powers of the square root of 2, rounded."""
    powers = (round(2 ** (i / 2)) for i in range(2 * total.bit_length()))
    return frozenset({0, total, *(count for count in powers if count < total)})


Split = Literal["train", "val", "test"]


def split_metrics(split: Split, layers: Sequence[Layer], loss: Loss, dataset: Dataset) -> dict[str, float]:
    """Return loss and accuracy of one member (K = 1) on a split, as metrics."""
    images, labels, rows = {
        "train": (dataset.x, dataset.y, dataset.train),
        "val": (dataset.x, dataset.y, dataset.validation),
        "test": (dataset.x_test, dataset.y_test, np.arange(len(dataset.y_test))),
    }[split]
    (losses,), (accuracy,) = evaluate_rows(layers, loss, images, labels, rows)
    return {f"{split}/loss": float(losses), f"{split}/accuracy": float(accuracy)}
