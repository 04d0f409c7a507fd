"""Optimizers: each updates one array of parameters in place and knows nothing of members or layers.

    state = optimizer.init(w)                    # the moments: arrays of the shape of w
    optimizer.update(w, g, state, lr, t, scratch)

w, g, every array of the state and ``scratch`` have one shape; g and scratch may be overwritten. ``lr`` is the
learning rate of this update (the schedule is already in it) and t = 1, 2, ... counts the updates.
Written as in-place operations in the order of the formula, because an update reads memory and little else: one
elementary operation of IEEE 754 after the other, so that ``lrlab.core.compiled`` can do the same to the bit. The
numbers in an update are its ``constants``.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Protocol

import numpy as np
from annotated_types import Ge, Gt, Interval

Array = np.ndarray
State = tuple[Array, ...]
LearningRate = Annotated[float, Gt(0)]
DecayRate = Annotated[float, Interval(ge=0, lt=1)]  # of a moving average


class Optimizer(Protocol):
    """An update rule and the state that it keeps."""

    @property
    def lr(self) -> float:
        """Return the base learning rate."""

    def init(self, w: Array) -> State:
        """Return the state before the first update."""

    def update(self, w: Array, g: Array, state: State, lr: float, t: int, scratch: Array) -> None:
        """Update w in place, once."""


class ElementaryOptimizer(Optimizer, Protocol):
    """One of those below: the numbers in an update are known before it is made."""

    def constants(self, lr: float, t: int) -> tuple[float, ...]:
        """Return them for update t = 1, 2, ... at this learning rate."""


@dataclass(frozen=True)
class SGD:
    """w -= lr g (lecture 5.4)."""

    lr: LearningRate = 0.01

    def init(self, w: Array) -> State:
        return ()

    def constants(self, lr: float, t: int) -> tuple[float, ...]:
        return (lr,)

    def update(self, w: Array, g: Array, state: State, lr: float, t: int, scratch: Array) -> None:
        np.multiply(g, lr, out=scratch)
        w -= scratch


@dataclass(frozen=True)
class Momentum:
    """v = rho v + g; w -= lr v (lecture 5.6). Nesterov: w -= lr (g + rho v) (Sutskever et al. 2013, eq. 3-4).

    The learning rate multiplies v when it is used, not when it is gathered: under a schedule this differs
    from the form v = rho v - lr g; w += v.
    """

    lr: LearningRate = 0.01
    rho: DecayRate = 0.9
    nesterov: bool = False

    def init(self, w: Array) -> State:
        return (np.zeros_like(w),)

    def constants(self, lr: float, t: int) -> tuple[float, ...]:
        """Return rho and the factors of v and of g in the step."""
        return (self.rho, lr * self.rho, lr) if self.nesterov else (self.rho, lr, 0.0)

    def update(self, w: Array, g: Array, state: State, lr: float, t: int, scratch: Array) -> None:
        (v,) = state
        rho, of_v, of_g = self.constants(lr, t)
        v *= rho
        v += g
        np.multiply(v, of_v, out=scratch)
        w -= scratch
        if of_g:
            np.multiply(g, of_g, out=scratch)
            w -= scratch


@dataclass(frozen=True)
class RMSprop:
    """s = beta s + (1 - beta) g^2; w -= lr g / (sqrt(s) + eps) (lecture 5.7; Hinton's lecture 6e)."""

    lr: LearningRate = 1e-3
    beta: DecayRate = 0.99
    eps: Annotated[float, Gt(0)] = 1e-7

    def init(self, w: Array) -> State:
        return (np.zeros_like(w),)

    def constants(self, lr: float, t: int) -> tuple[float, ...]:
        return self.beta, 1 - self.beta, self.eps, lr

    def update(self, w: Array, g: Array, state: State, lr: float, t: int, scratch: Array) -> None:
        (s,) = state
        s *= self.beta
        np.multiply(g, g, out=scratch)
        scratch *= 1 - self.beta
        s += scratch
        np.sqrt(s, out=scratch)
        scratch += self.eps
        np.divide(g, scratch, out=scratch)
        scratch *= lr
        w -= scratch


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2014, arXiv:1412.6980, algorithm 1)::

        m = beta1 m + (1 - beta1) g          m_hat = m / (1 - beta1^t)
        v = beta2 v + (1 - beta2) g^2        v_hat = v / (1 - beta2^t)
        w -= lr m_hat / (sqrt(v_hat) + eps)

    An L2 regularizer's gradient is already in g here and passes through the moments; AdamW's decay does not. The state
    is (M, V) with M = m / (1 - beta1) and V = v / (1 - beta2), see ``_adam``.
    """

    lr: LearningRate = 1e-3
    beta1: DecayRate = 0.9
    beta2: DecayRate = 0.999
    eps: Annotated[float, Gt(0)] = 1e-8

    def init(self, w: Array) -> State:
        return np.zeros_like(w), np.zeros_like(w)

    def constants(self, lr: float, t: int) -> tuple[float, ...]:
        return 1.0, *_adam_constants(self, lr, t)

    def update(self, w: Array, g: Array, state: State, lr: float, t: int, scratch: Array) -> None:
        _adam(w, g, state, self.constants(lr, t), scratch)


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2017, arXiv:1711.05101, algorithm 2).

    w -= lr weight_decay w, outside the moments, then Adam's update.
    """

    lr: LearningRate = 1e-3
    beta1: DecayRate = 0.9
    beta2: DecayRate = 0.999
    eps: Annotated[float, Gt(0)] = 1e-8
    weight_decay: Annotated[float, Ge(0)] = 0.01

    def init(self, w: Array) -> State:
        return np.zeros_like(w), np.zeros_like(w)

    def constants(self, lr: float, t: int) -> tuple[float, ...]:
        return 1 - lr * self.weight_decay, *_adam_constants(self, lr, t)

    def update(self, w: Array, g: Array, state: State, lr: float, t: int, scratch: Array) -> None:
        _adam(w, g, state, self.constants(lr, t), scratch)


def _adam_constants(adam: Adam | AdamW, lr: float, t: int) -> tuple[float, ...]:
    """Return beta1, beta2, the epsilon beside sqrt(V) and the factor of M in the step, see ``_adam``."""
    to_m_hat, to_root_v_hat = _bias_corrections(adam.beta1, adam.beta2, t)
    return adam.beta1, adam.beta2, adam.eps / to_root_v_hat, lr * to_m_hat / to_root_v_hat


@lru_cache(maxsize=1024)  # the members of a population are often at the same update
def _bias_corrections(beta1: float, beta2: float, t: int) -> tuple[float, float]:
    """Return m_hat / M and sqrt(v_hat / V)."""
    return (1 - beta1) / (1 - beta1**t), math.sqrt((1 - beta2) / (1 - beta2**t))


def _adam(w: Array, g: Array, state: State, constants: tuple[float, ...], scratch: Array) -> None:
    """Make Adam's update, the factors (1 - beta) moved out of the moments: three passes over memory fewer.

    The state holds M = m / (1 - beta1) and V = v / (1 - beta2), so M = beta1 M + g and V = beta2 V + g^2.
    """
    (M, V), (decay, beta1, beta2, eps, step) = state, constants
    if decay != 1:
        w *= decay
    M *= beta1
    M += g
    V *= beta2
    g *= g
    V += g
    np.sqrt(V, out=scratch)
    scratch += eps
    np.divide(M, scratch, out=scratch)
    scratch *= step
    w -= scratch
