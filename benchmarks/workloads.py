"""The work that every system does: the same configurations, or the same search space, on the same images."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np

from lrlab.data.cifar10 import Cifar10

HIDDEN = {"linear": (), "mlp": (100,), "large": (1000, 1000, 1000)}
METRICS = (  # of every epoch
    "train/loss",
    "train/accuracy",
    "val/loss",
    "val/accuracy",
    "updates",
    "lr",
    "gradient_norm",
    "weight_norm",
    "update_ratio",
)


@dataclass(frozen=True)
class Space:
    """What is searched: lr and lambda (of L2) on a logarithmic scale; lambda is 0 where `strength` is None."""

    lr: tuple[float, float]
    batch_sizes: tuple[int, ...] = (64, 128, 256, 512, 1024)
    warmup: tuple[float, float] = (0.0, 0.3)
    strength: tuple[float, float] | None = (1e-6, 1e-2)


SPACES = {
    "linear": Space(lr=(1e-4, 1e-1)),
    "mlp": Space(lr=(1e-4, 3e-2)),
    "large": Space(lr=(1e-4, 1e-3), batch_sizes=(128,), strength=None),
}


class Configuration(TypedDict):
    """A point of the space."""

    lr: float
    batch_size: int
    warmup: float
    strength: float


@dataclass(frozen=True)
class Sweep:
    """So many trials of a model on CIFAR-10, trained with warmup and a cosine.

    Attributes:
        train_size: training images.
        width: trials that a worker of lrlab trains at once; None: its choice.
    """

    model: str
    trials: int
    epochs: int
    train_size: int = 45_000
    workers: int = 2
    optimizer: str = "momentum"
    width: int | None = None

    @property
    def space(self) -> Space:
        return SPACES[self.model]


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


def configurations(work: Sweep) -> list[Configuration]:
    """The points of the space that all systems train: always the same ones. The batch sizes are dealt out in turn."""
    rng, space = np.random.default_rng(0), work.space

    def logarithmic(low: float, high: float) -> float:
        return float(np.clip(np.exp(rng.uniform(np.log(low), np.log(high))), low, high))

    return [
        Configuration(
            lr=logarithmic(*space.lr),
            batch_size=space.batch_sizes[number % len(space.batch_sizes)],
            warmup=float(rng.uniform(*space.warmup)),
            strength=logarithmic(*space.strength) if space.strength else 0.0,
        )
        for number in range(work.trials)
    ]


def write_configurations(work: Sweep, folder: Path) -> Path:
    """The same as a JSON file, for the peers."""
    file = folder / f"configurations-{work.model}-{work.trials}.json"
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(configurations(work), indent=1))
    return file


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
