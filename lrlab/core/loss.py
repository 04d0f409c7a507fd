"""Losses, stacked: functions of scores (K, C, B) and labels (B,)."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

Array = np.ndarray


class Loss(Protocol):
    """A mean over samples of a loss of the scores."""

    def value(self, scores: Array, y: Array) -> Array:
        """Return every member's loss of every sample (K, B)."""

    def value_and_grad(self, scores: Array, y: Array, samples: Array) -> tuple[Array, Array]:
        """Overwrite the scores (K, C, B) by dL/dscores; return the losses (K, B) and who was right (K, B)."""


@dataclass(frozen=True)
class SoftmaxCrossEntropy:
    """L_i = -log(exp(s_y) / sum_j exp(s_j)) (CS231n, softmax classifier).

    The largest score is subtracted first, which changes nothing but keeps exp from overflowing.
    """

    def value(self, scores: Array, y: Array) -> Array:
        """Return the loss of every sample.

        Args:
            scores: (K, C, B).
            y: (B,) class indices.

        Returns:
            (K, B) losses in nats.
        """
        shifted = scores - scores.max(axis=1, keepdims=True)
        losses: Array = np.log(np.exp(shifted).sum(axis=1)) - shifted[:, y, np.arange(len(y))]
        return losses

    def value_and_grad(self, scores: Array, y: Array, samples: Array) -> tuple[Array, Array]:
        """Overwrite the scores by dL/ds = (softmax(s) - onehot(y)) / samples.

        Args:
            scores: (K, C, B); overwritten by the gradient.
            y: (B,) class indices.
            samples: (K,) number of samples in each member's batch, of which these B may be a part.

        Returns:
            (K, B) losses of the samples, as ``value`` gives them, and (K, B) whether argmax picks the label.
        """
        columns = np.arange(len(y))
        scores -= scores.max(axis=1, keepdims=True)
        of_label = scores[:, y, columns]
        right = of_label == 0
        tied = np.count_nonzero(scores == 0, axis=(1, 2)) > len(y)
        right[tied] &= scores[tied].argmax(axis=1) == y  # argmax itself is slow, and seldom needed
        np.exp(scores, out=scores)
        total = scores.sum(axis=1)
        scores /= (total * samples[:, None])[:, None, :]
        scores[:, y, columns] -= 1 / samples[:, None]
        return np.log(total) - of_label, right
