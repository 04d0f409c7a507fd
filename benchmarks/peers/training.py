"""One training in eager PyTorch, tuned: data in memory, no loader, fused optimizer, nothing read back in the loop.

The initial weights, the order of the samples, the regularizer, the schedule and the nine metrics are lrlab's, so that
the same configuration gives the same curve.
"""

import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from model import Network, stream
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Config:
    """What is trained. The regularizer is strength * sum W^2; warmup is a fraction of training, then a cosine."""

    hidden: tuple[int, ...]
    optimizer: str
    lr: float
    batch_size: int
    warmup: float
    strength: float
    epochs: int
    seed: int = 0
    weight_decay: float = 0.01  # AdamW's own

    def params(self) -> dict[str, str]:
        """As they are logged."""
        return {name: str(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Data:
    """Images (N, D) float32, shared by all processes; labels; and who is trained and validated on."""

    x: Tensor
    y: Tensor
    train: np.ndarray
    x_validation: Tensor
    y_validation: Tensor


@cache
def load(folder: str) -> Data:
    """Map what the benchmark has laid out in a folder."""

    def array(name: str) -> np.ndarray:
        # copy on write: PyTorch wants memory that it may write to
        return np.load(Path(folder) / f"{name}.npy", mmap_mode="c", allow_pickle=False)

    x, y = torch.from_numpy(array("x")), torch.from_numpy(np.array(array("y"), np.int64))
    validation = torch.from_numpy(np.array(array("validation"), np.int64))
    return Data(x, y, np.array(array("train")), x[validation], y[validation])


def train(config: Config, data: Data) -> Iterator[dict[str, float]]:
    """Train; yields the metrics of every epoch."""
    network = Network(data.x.shape[1], config.hidden, 10, config.seed)
    weights = [layer.weight for layer in network.layers]
    biases = [layer.bias for layer in network.layers]
    optimizer = _optimizer(config, weights, biases)
    samples, b = len(data.train), config.batch_size
    total, t = config.epochs * -(-samples // b), 0
    images = torch.empty(b, data.x.shape[1])
    for epoch in range(config.epochs):
        order = torch.from_numpy(stream(config.seed, 1, epoch).permutation(data.train))
        labels = data.y[order]
        losses, predicted = torch.empty(-(-samples // b)), torch.empty(samples, dtype=torch.int64)
        for step, i in enumerate(range(0, samples, b)):
            chosen = order[i : i + b]
            x = torch.index_select(data.x, 0, chosen, out=images[: len(chosen)])
            scores = network(x)
            loss = functional.cross_entropy(scores, labels[i : i + b])
            optimizer.zero_grad()
            loss.backward()
            lr = config.lr * factor(t, total, config.warmup)
            for group in optimizer.param_groups:
                group["lr"] = lr
            t += 1
            if i + b >= samples:
                norms = _observed_step(optimizer, weights, biases)
            else:
                optimizer.step()
            losses[step] = loss.detach()
            torch.argmax(scores.detach(), 1, out=predicted[i : i + b])
        sizes = torch.full((len(losses),), float(b))
        sizes[-1] = samples - (len(losses) - 1) * b
        val_loss, val_accuracy = _evaluate(network, data.x_validation, data.y_validation)
        yield {
            "train/loss": float((losses * sizes).sum()) / samples,
            "train/accuracy": float((predicted == labels).float().mean()),
            "val/loss": val_loss,
            "val/accuracy": val_accuracy,
            "updates": float(t),
            "lr": lr,
            **norms,
        }


def factor(t: int, total: int, warmup: float) -> float:
    """Of the learning rate at update t: linear warmup, then a cosine down to 0."""
    first = min(round(warmup * total), total - 1)
    if t < first:
        return (t + 1) / (first + 1)
    return (1 + math.cos(math.pi * (t - first) / (total - first))) / 2


def _optimizer(config: Config, weights: list[Tensor], biases: list[Tensor]) -> torch.optim.Optimizer:
    if config.optimizer == "momentum":
        groups = [{"params": weights, "weight_decay": 2 * config.strength}, {"params": biases}]
        return torch.optim.SGD(groups, lr=config.lr, momentum=0.9, fused=True)
    if config.optimizer == "adamw" and config.strength == 0:
        decay = config.weight_decay
        return torch.optim.AdamW([*weights, *biases], lr=config.lr, weight_decay=decay, fused=True)
    raise ValueError(f"no peer for {config}")


@torch.no_grad()
def _observed_step(optimizer: torch.optim.Optimizer, weights: list[Tensor], biases: list[Tensor]) -> dict[str, float]:
    """A step, and the norms of its gradient, its change and what it changed."""
    parameters = [*weights, *biases]
    before = [parameter.clone() for parameter in parameters]
    decay = optimizer.param_groups[0]["weight_decay"] if isinstance(optimizer, torch.optim.SGD) else 0
    gradients = [w.grad + decay * w for w in weights] + [b.grad for b in biases]
    gradient_norm = _norm(gradients)  # of data and regularizer
    optimizer.step()
    change = [now - then for now, then in zip(parameters, before, strict=True)]
    return {
        "gradient_norm": gradient_norm,
        "weight_norm": _norm(parameters),
        "update_ratio": _norm(change) / max(_norm(before), 1e-38),
    }


def _norm(tensors: list[Tensor]) -> float:
    return float(torch.stack([tensor.detach().double().square().sum() for tensor in tensors]).sum().sqrt())


@torch.inference_mode()
def _evaluate(network: Network, x: Tensor, y: Tensor) -> tuple[float, float]:
    scores = network(x)
    return float(functional.cross_entropy(scores, y)), float((scores.argmax(1) == y).float().mean())


def threads(count: int) -> None:
    """How many threads the multiplies of this process may use."""
    torch.set_num_threads(min(count, len(os.sched_getaffinity(0))))
