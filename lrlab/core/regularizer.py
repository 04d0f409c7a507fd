"""Regularizers: R(W), to be weighed by lambda = ``strength``. Biases are never regularized.

The whole loss is L = mean data loss + strength * R(W) (lecture 3; CS231n, regularization). A regularizer acts through
its gradient, which the optimizer follows, or, where R has a kink, by shrinking the weights after the optimizer's step.
"""

from dataclasses import dataclass
from typing import Annotated, Protocol

import numpy as np
from annotated_types import Ge, Interval, doc

Array = np.ndarray


class Regularizer(Protocol):
    """A penalty on one weight array of one member."""

    @property
    def strength(self) -> float:
        """Return lambda."""

    def value(self, W: Array) -> float:
        """Return strength * R(W)."""

    def add_gradient(self, W: Array, gradient: Array, scratch: Array) -> None:
        """Add strength * dR/dW to ``gradient``; ``scratch`` has the shape of W and may be overwritten."""

    def prox(self, W: Array, lr: float, scratch: Array) -> None:
        """Change W itself after an update with this learning rate, by the proximal operator of lr * strength * R."""


class ElementaryRegularizer(Regularizer, Protocol):
    """One of those below: the numbers in it are known before it acts."""

    def constants(self, lr: float) -> tuple[float, float, float]:
        """Return the factors of sign(W) and of W in its gradient, and what |W| shrinks by after the update."""


class NoGradient:
    """A regularizer that adds nothing to the gradient."""

    def add_gradient(self, W: Array, gradient: Array, scratch: Array) -> None:
        return


class NoProx:
    """A regularizer that leaves the weights alone after an update."""

    def prox(self, W: Array, lr: float, scratch: Array) -> None:
        return


@dataclass(frozen=True)
class NoRegularizer(NoGradient, NoProx):
    """R(W) = 0."""

    strength: Annotated[float, Interval(ge=0, le=0), doc("0 with regularizer=none (regularizer=l2 has one)")] = 0.0

    def constants(self, lr: float) -> tuple[float, float, float]:
        return 0.0, 0.0, 0.0

    def value(self, W: Array) -> float:
        return 0.0


@dataclass(frozen=True)
class L2(NoProx):
    """R(W) = sum W^2, dR/dW = 2 W: prefers weights that are spread out."""

    strength: Annotated[float, Ge(0)] = 1e-4

    def constants(self, lr: float) -> tuple[float, float, float]:
        return 0.0, 2 * self.strength, 0.0

    def value(self, W: Array) -> float:
        return self.strength * _sum_of_squares(W)

    def add_gradient(self, W: Array, gradient: Array, scratch: Array) -> None:
        np.multiply(W, 2 * self.strength, out=scratch)
        gradient += scratch


@dataclass(frozen=True)
class L1(NoProx):
    """R(W) = sum |W|, dR/dW = sign(W): prefers weights near zero, but steps across it without end."""

    strength: Annotated[float, Ge(0)] = 1e-5

    def constants(self, lr: float) -> tuple[float, float, float]:
        return self.strength, 0.0, 0.0

    def value(self, W: Array) -> float:
        return self.strength * float(np.abs(W).sum(dtype=np.float64))

    def add_gradient(self, W: Array, gradient: Array, scratch: Array) -> None:
        np.sign(W, out=scratch)
        scratch *= self.strength
        gradient += scratch


@dataclass(frozen=True)
class L1Proximal(NoGradient):
    """R(W) = sum |W| by its proximal step: after every update W = sign(W) max(|W| - lr strength, 0).

    Soft thresholding (Parikh & Boyd 2014, Proximal Algorithms, section 6.5.2): weights become exactly zero, and stay
    there unless the noise of a mini-batch's gradient exceeds the strength. With
    optimizer=sgd this is the proximal gradient method (ISTA; Beck & Teboulle 2009), which minimizes L itself. With any
    other optimizer the shrinking is decoupled from the moments, as AdamW's decay is, and minimizes something else:
    under momentum, whose steps add up to lr / (1 - rho), the L of (1 - rho) strength; under RMSprop and Adam, each
    weight has a strength of its own.
    """

    strength: Annotated[float, Ge(0)] = 1e-5

    def constants(self, lr: float) -> tuple[float, float, float]:
        return 0.0, 0.0, lr * self.strength

    def value(self, W: Array) -> float:
        return self.strength * float(np.abs(W).sum(dtype=np.float64))

    def prox(self, W: Array, lr: float, scratch: Array) -> None:
        np.abs(W, out=scratch)
        scratch -= lr * self.strength
        np.maximum(scratch, 0, out=scratch)
        np.copysign(scratch, W, out=W)


@dataclass(frozen=True)
class ElasticNet(NoProx):
    """R(W) = l1_ratio * sum |W| + (1 - l1_ratio) * sum W^2 (Zou & Hastie 2005, in the lecture's scale of L2).

    Args:
        strength: lambda.
        l1_ratio: share of L1, in [0, 1].
    """

    strength: Annotated[float, Ge(0)] = 1e-5
    l1_ratio: Annotated[float, Interval(ge=0, le=1)] = 0.5

    def constants(self, lr: float) -> tuple[float, float, float]:
        return self.strength * self.l1_ratio, 2 * self.strength * (1 - self.l1_ratio), 0.0

    def value(self, W: Array) -> float:
        l1 = float(np.abs(W).sum(dtype=np.float64))
        return self.strength * (self.l1_ratio * l1 + (1 - self.l1_ratio) * _sum_of_squares(W))

    def add_gradient(self, W: Array, gradient: Array, scratch: Array) -> None:
        l1, l2, _ = self.constants(0.0)
        np.sign(W, out=scratch)
        scratch *= l1
        gradient += scratch
        np.multiply(W, l2, out=scratch)
        gradient += scratch


def _sum_of_squares(W: Array) -> float:
    return float(np.square(W, dtype=np.float64).sum())
