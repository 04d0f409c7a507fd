"""A parameter array of all members, with its gradients and the states of their optimizers."""

from collections.abc import Sequence

import numpy as np

from lrlab.core.model import Layer
from lrlab.core.optimizer import Optimizer, State

Array = np.ndarray


class Parameter:
    """W or b of one layer, flat, a row for each slot.

    Attributes:
        array: the model's, (K, ...).
        w, gradient: (K, n), views of the model's arrays; the gradient is that of the batch so far.
        states: arrays (K, n), as many as any member's optimizer keeps.
        is_weight: biases are not regularized.
    """

    def __init__(self, array: Array, gradient: Array, *, is_weight: bool) -> None:
        self.array = array
        self.w, self.gradient = array.reshape(len(array), -1), gradient.reshape(len(array), -1)
        self.states: list[Array] = []
        self.is_weight = is_weight

    def begin(self, slot: int, optimizer: Optimizer) -> State:
        """Return the state of a slot's optimizer before its first update: rows of ``states``."""
        initial = optimizer.init(self.w[slot])
        self.states += [np.zeros_like(self.w) for _ in initial[len(self.states) :]]
        rows = tuple(stacked[slot] for stacked in self.states[: len(initial)])
        for row, start in zip(rows, initial, strict=True):
            row[:] = start
        return rows


def parameters(layers: Sequence[Layer], gradients: Sequence[Layer]) -> list[Parameter]:
    """Return W and b of every layer, in this order."""
    return [
        Parameter(getattr(layer, name), getattr(gradient, name), is_weight=name == "W")
        for layer, gradient in zip(layers, gradients, strict=True)
        for name in ("W", "b")
    ]
