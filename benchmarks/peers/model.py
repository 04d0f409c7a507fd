"""A linear classifier or a ReLU network in PyTorch, laid out for speed.

Weights are multiplied with the images transposed, W @ x.T, so that the short side of the product comes first: with
ten classes MKL is 1.3 to 1.9 times as fast that way as `torch.nn.Linear` is, which multiplies x @ W.T.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional


def stream(seed: int, *key: int) -> np.random.Generator:
    """Return lrlab's stream (`lrlab.core.random_streams`): key 0 of the initial weights; 1, epoch of the order."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


class Affine(nn.Module):
    """(in, B) -> (out, B)."""

    def __init__(self, weight: np.ndarray) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.from_numpy(weight.astype(np.float32)))
        self.bias = nn.Parameter(torch.zeros(len(weight), 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.bias, self.weight, x)


class Network(nn.Module):
    """Images (B, D) -> scores (B, C). `hidden` are the widths of the hidden layers: none for the linear classifier."""

    def __init__(self, inputs: int, hidden: Sequence[int], classes: int, seed: int) -> None:
        super().__init__()
        rng = stream(seed, 0)
        scales = [np.sqrt(2 / n) for n in (inputs, *hidden)] if hidden else [0.01]
        shapes = pairwise((inputs, *hidden, classes))
        self.layers = nn.ModuleList(
            Affine(scale * rng.standard_normal((m, n))) for scale, (n, m) in zip(scales, shapes, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        h = self.layers[0](x.t())
        for layer in self.layers[1:]:
            h = layer(functional.relu_(h))
        return h.t()
