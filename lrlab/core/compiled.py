"""The updates of many members in one pass over memory each, compiled by Numba (``pip install 'lrlab[fast]'``).

The formulas of ``lrlab.core.optimizer`` and ``lrlab.core.regularizer``, to the bit: the same operations of IEEE 754 in
the same order, none of them contracted. What NumPy does in some ten passes over a block in the cache is one pass here.

Every function updates rows of w (K, n) in place:

    slots      (m,) the rows
    w, g       (K, n) parameters and gradients of the data loss
    states     arrays (K, n), as many as the optimizer keeps
    constants  (m, ...) of each optimizer, for this update
    penalties  (m, 3) of each regularizer, for this update
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from lrlab.core.optimizer import SGD, Adam, AdamW, Momentum, RMSprop
from lrlab.core.regularizer import L1, L2, ElasticNet, L1Proximal, NoRegularizer

Array = np.ndarray
compiled: Callable[[Any], Any] = njit(cache=True, error_model="numpy")

REGULARIZERS = frozenset({NoRegularizer, L1, L2, L1Proximal, ElasticNet})


@compiled
def _penalized(g: float, w: float, l1: float, l2: float) -> float:
    """Return the gradient with the regularizer's; a factor of zero is none."""
    if l1 != 0:
        g += l1 if w > 0 else -l1 if w < 0 else l1 - l1
    if l2 != 0:
        g += l2 * w
    return g


@compiled
def _shrunk(w: float, threshold: float) -> float:
    """Return the weight, nearer to zero by the threshold."""
    if threshold != 0:
        left = max(abs(w) - threshold, threshold - threshold)
        return -left if w < 0 else left
    return w


@compiled
def sgd(slots: Array, w: Array, g: Array, states: tuple[Array, ...], constants: Array, penalties: Array) -> None:
    for row, k in enumerate(slots):
        lr = constants[row, 0]
        l1, l2, threshold = penalties[row]
        for i in range(w.shape[1]):
            x = w[k, i]
            w[k, i] = _shrunk(x - lr * _penalized(g[k, i], x, l1, l2), threshold)


@compiled
def momentum(slots: Array, w: Array, g: Array, states: tuple[Array, ...], constants: Array, penalties: Array) -> None:
    velocity = states[0]
    for row, k in enumerate(slots):
        rho, of_v, of_g = constants[row]
        l1, l2, threshold = penalties[row]
        for i in range(w.shape[1]):
            x = w[k, i]
            gradient = _penalized(g[k, i], x, l1, l2)
            v = rho * velocity[k, i] + gradient
            velocity[k, i] = v
            x -= of_v * v
            if of_g != 0:
                x -= of_g * gradient
            w[k, i] = _shrunk(x, threshold)


@compiled
def rmsprop(slots: Array, w: Array, g: Array, states: tuple[Array, ...], constants: Array, penalties: Array) -> None:
    squares = states[0]
    for row, k in enumerate(slots):
        beta, rest, eps, lr = constants[row]
        l1, l2, threshold = penalties[row]
        for i in range(w.shape[1]):
            x = w[k, i]
            gradient = _penalized(g[k, i], x, l1, l2)
            s = beta * squares[k, i] + rest * (gradient * gradient)
            squares[k, i] = s
            w[k, i] = _shrunk(x - lr * (gradient / (np.sqrt(s) + eps)), threshold)


@compiled
def adam(slots: Array, w: Array, g: Array, states: tuple[Array, ...], constants: Array, penalties: Array) -> None:
    first, second = states
    for row, k in enumerate(slots):
        decay, beta1, beta2, eps, step = constants[row]
        l1, l2, threshold = penalties[row]
        for i in range(w.shape[1]):
            x = w[k, i]
            gradient = _penalized(g[k, i], x, l1, l2)
            m = beta1 * first[k, i] + gradient
            v = beta2 * second[k, i] + gradient * gradient
            first[k, i] = m
            second[k, i] = v
            if decay != 1:
                x *= decay
            w[k, i] = _shrunk(x - step * (m / (np.sqrt(v) + eps)), threshold)


UPDATES: dict[type, Callable[..., None]] = {
    SGD: sgd,
    Momentum: momentum,
    RMSprop: rmsprop,
    Adam: adam,
    AdamW: adam,
}
