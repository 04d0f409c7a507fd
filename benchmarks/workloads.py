"""The work that every system does: the same search space on the same images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lrlab.data.cifar10 import Cifar10

BATCH_SIZES = (64, 128, 256, 512, 1024)
WARMUP = (0.0, 0.3)
STRENGTH = (1e-6, 1e-2)
LR = {"linear": (1e-4, 1e-1), "mlp": (1e-4, 3e-2)}
HIDDEN = {"linear": (), "mlp": (100,)}
METRICS = (  # of every epoch
    "train/loss",
    "train/accuracy",
    "val/loss",
    "val/accuracy",
    "lr",
    "gradient_norm",
    "weight_norm",
    "update_ratio",
)


@dataclass(frozen=True)
class Sweep:
    """So many trials of a model on CIFAR-10, trained with momentum, warmup and a cosine.

    Searched are the learning rate, the batch size, the warmup and lambda (of L2). `train_size`: training images.
    """

    model: str
    trials: int
    epochs: int
    train_size: int = 45_000
    workers: int = 2


@dataclass(frozen=True)
class Training:
    """One training on CIFAR-10 with a cosine and no warmup."""

    model: str
    optimizer: str
    lr: float
    strength: float
    batch_size: int
    epochs: int
    train_size: int = 45_000


def data_file() -> Path:
    """The file of images that all processes map into memory."""
    images = Cifar10().load().x
    assert isinstance(images, np.memmap)
    return Path(str(images.filename))


def lay_out(train_size: int, folder: Path) -> Path:
    """The images, labels and splits that lrlab trains on, where the peers find them; a folder for each size."""
    data = Cifar10(train_size=train_size).load()
    target = folder / f"cifar10-{train_size}"
    target.mkdir(parents=True, exist_ok=True)
    images = target / "x.npy"
    images.unlink(missing_ok=True)
    images.symlink_to(data_file())  # one copy in memory for all processes
    for name, array in (("y", data.y), ("train", data.train), ("validation", data.validation)):
        np.save(target / f"{name}.npy", array, allow_pickle=False)
    return target
