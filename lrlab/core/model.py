"""Models, stacked: K members of one architecture share every matrix multiply.

Layout (feature-major, so that every array is contiguous and the softmax runs at full vector width)::

    x            (B, D)          one microbatch, the same for all members
    W of layer l (K, out, in)    row c of a member's last W is the template of class c
    b of layer l (K, out)
    scores       (K, C, B)

The first layer reads x once for all members: ``W.reshape(K*out, D) @ x.T`` is a single GEMM.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, NamedTuple, Protocol

import numpy as np
from annotated_types import Ge, doc

from lrlab.core.blas import gemm_add, matmul

Array = np.ndarray

HUGE_PAGE = 1 << 21  # bytes


class Layer(NamedTuple):
    """Weights and biases of one affine layer (or their gradients), for K members."""

    W: Array  # (K, out, in)
    b: Array  # (K, out)


class Model(Protocol):
    """An architecture. All of its members have the same shapes; nothing else ties them together."""

    def widths(self, inputs: int, classes: int) -> list[int]:
        """Return the width of every layer's input, and of the last one's output."""

    def init(self, rng: np.random.Generator, inputs: int, classes: int) -> list[Layer]:
        """Return the parameters of one member (K = 1), float64."""


@dataclass(frozen=True)
class Linear:
    """The linear classifier s = W x + b (CS231n, linear classification).

    Args:
        init_scale: standard deviation of the Gaussian the initial W is drawn from; b starts at 0.
    """

    init_scale: Annotated[float, Ge(0)] = 0.01

    def widths(self, inputs: int, classes: int) -> list[int]:
        return [inputs, classes]

    def init(self, rng: np.random.Generator, inputs: int, classes: int) -> list[Layer]:
        return [_gaussian(rng, inputs, classes, self.init_scale)]


@dataclass(frozen=True)
class MLP:
    """ReLU network: h = max(0, W h + b) for every hidden width, then scores s = W h + b.

    Initialised as He et al. 2015 (arXiv:1502.01852, eq. 10): W ~ N(0, 2 / in), b = 0.

    Args:
        hidden: widths of the hidden layers, one or more.
    """

    hidden: Annotated[Sequence[Annotated[int, Ge(1)]], doc("a list of widths")] = (100,)

    def __post_init__(self) -> None:
        if isinstance(self.hidden, list):  # as YAML has it; a tuple is hashable
            object.__setattr__(self, "hidden", tuple(self.hidden))

    def widths(self, inputs: int, classes: int) -> list[int]:
        return [inputs, *self.hidden, classes]

    def init(self, rng: np.random.Generator, inputs: int, classes: int) -> list[Layer]:
        widths = self.widths(inputs, classes)
        return [_gaussian(rng, n, m, np.sqrt(2 / n)) for n, m in pairwise(widths)]


def _gaussian(rng: np.random.Generator, inputs: int, outputs: int, scale: float) -> Layer:
    return Layer(scale * rng.standard_normal((1, outputs, inputs)), np.zeros((1, outputs)))


def zeros(widths: Sequence[int], members: int, dtype: np.dtype) -> list[Layer]:
    """Return layers full of zeros, for the parameters or the gradients of ``members`` members."""
    return [
        Layer(aligned_zeros((members, m, n), dtype), aligned_zeros((members, m), dtype)) for n, m in pairwise(widths)
    ]


def aligned_zeros(shape: Sequence[int], dtype: np.dtype) -> Array:
    """Return zeros; a large array begins where a huge page does.

    A multiply reads every row of W, each on pages of its own. NumPy asks Linux for huge pages where an array covers
    some whole ones, and the multiply is 4 % faster for it.
    """
    size = int(np.prod(shape)) * dtype.itemsize
    if size < HUGE_PAGE:
        return np.zeros(shape, dtype)
    memory = np.empty(size + 2 * HUGE_PAGE, np.uint8)
    start = -memory.ctypes.data % HUGE_PAGE
    array = memory[start : start + size].view(dtype).reshape(shape)
    array.fill(0)
    return array


def output_buffers(widths: Sequence[int], members: int, batch: int, dtype: np.dtype) -> list[Array]:
    """Return buffers for the output (K, out, B) of every layer at one batch length."""
    return [np.empty((members, m, batch), dtype) for m in widths[1:]]


def forward(layers: Sequence[Layer], x: Array, out: Sequence[Array]) -> Array:
    """Return the scores of all members.

    Args:
        layers: the parameters.
        x: (B, D) inputs.
        out: from ``output_buffers``; filled with every layer's output, the hidden ones after their ReLU.

    Returns:
        (K, C, B) scores: the last of ``out``.
    """
    W, b = layers[0]
    h = out[0]
    matmul(W.reshape(-1, W.shape[-1]), x.T, h.reshape(-1, len(x)))
    h += b[:, :, None]
    for (W, b), s in zip(layers[1:], out[1:], strict=True):
        np.maximum(h, 0, out=h)
        h = matmul(W, h, s)
        h += b[:, :, None]
    return h


def backward(
    layers: Sequence[Layer],
    x: Array,
    out: Sequence[Array],
    dscores: Array,
    gradients: Sequence[Layer],
    *,
    accumulate: bool = True,
) -> None:
    """Backpropagate: add dL/dW and dL/db of all members to ``gradients``.

    Args:
        layers: the parameters that ``forward`` used.
        x: (B, D) inputs.
        out: what ``forward`` filled; the hidden entries are overwritten.
        dscores: (K, C, B), dL/dscores; may be the memory of the last of ``out``.
        gradients: from ``zeros``, or the sums over earlier samples.
        accumulate: whether to add to the gradients, or to overwrite them: to the same bits as adding to zeros.
    """
    multiply = gemm_add if accumulate else matmul
    delta = dscores
    for i in reversed(range(1, len(layers))):
        h, (dW, db) = out[i - 1], gradients[i]
        multiply(delta, h.transpose(0, 2, 1), dW)
        _sum_over_samples(delta, db, accumulate=accumulate)
        active = h > 0
        delta = matmul(layers[i].W.transpose(0, 2, 1), delta, h)
        delta *= active
    dW, db = gradients[0]
    multiply(delta.reshape(-1, len(x)), x, dW.reshape(-1, x.shape[1]))
    _sum_over_samples(delta, db, accumulate=accumulate)


def _sum_over_samples(delta: Array, db: Array, *, accumulate: bool) -> None:
    if accumulate:
        db += delta.sum(axis=2)
    else:
        delta.sum(axis=2, out=db)
