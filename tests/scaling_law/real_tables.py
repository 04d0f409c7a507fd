"""Tables of real trainings, each setting with 30 seeds, and the maker that trained them.

    python -m tests.scaling_law.real_tables [name ...]

writes `real_tables/<name>.npz` beside this file for names such as digits-mlp-adam (default: all of `NAMES`; an hour
on one core): the validation loss at the end of trainings of lrlab's own trainer. A file holds `batch_size` (B,), `lr`
(B, R), a grid of its own for each batch size about the best of two pilot seeds, and `loss` (B, R, S), inf where the
training diverged. MNIST and CIFAR-10 must have been fetched.
"""

import math
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from lrlab.core.model import MLP, Linear
from lrlab.core.optimizer import SGD, Adam
from lrlab.data.cifar10 import Cifar10
from lrlab.data.dataset import Dataset
from lrlab.data.digits import Digits
from lrlab.data.mnist import Mnist
from lrlab.lecture.presets import PRESETS
from lrlab.training.experiment import DataSource, Experiment
from lrlab.training.population import microbatch_for

FOLDER: Final = Path(__file__).with_suffix("")
DATA: Final[dict[str, tuple[DataSource, int]]] = {  # with the epochs of a training
    "digits": (Digits(), 10),
    "mnist": (Mnist(train_size=5000, validation=2000), 4),
    "cifar10": (Cifar10(train_size=5000, validation=2000), 4),
}
MODELS: Final[dict[str, Linear | MLP]] = {"linear": Linear(), "mlp": MLP(hidden=(32,))}
OPTIMIZERS: Final[dict[str, type[SGD | Adam]]] = {"sgd": SGD, "adam": Adam}
NAMES: Final = tuple(map("-".join, product(DATA, MODELS, OPTIMIZERS)))

BATCH_SIZES: Final = np.array([16, 32, 64, 128, 256, 512])
PILOT: Final = {"sgd": 2.0 ** np.arange(-13, 5), "adam": 2.0 ** np.arange(-15, 1)}
PILOT_SEEDS, SEEDS = 2, 30
STEPS: Final = 2.0 ** (np.arange(-6, 7) / 2)  # learning rates over the best of the pilot

Array = npt.NDArray[Any]


def load(name: str) -> dict[str, Array]:
    """Return a table as columns of equal length."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
        batch_size, lr, loss = file["batch_size"], file["lr"], file["loss"].astype(float)
    shape = loss.shape
    return {
        "batch_size": np.broadcast_to(batch_size[:, None, None], shape).ravel(),
        "lr": np.broadcast_to(lr[:, :, None], shape).ravel(),
        "seed": np.broadcast_to(np.arange(shape[2]), shape).ravel(),
        "loss": loss.ravel(),
    }


def make(name: str) -> None:
    """Train a table and write it."""
    data, model, optimizer = name.split("-")
    source, epochs = DATA[data]
    base = replace(PRESETS["digits"].experiment(), data=source, epochs=epochs, model=MODELS[model])
    pilot = np.tile(PILOT[optimizer], (len(BATCH_SIZES), 1))
    best = _losses(base, OPTIMIZERS[optimizer], pilot, PILOT_SEEDS).mean(axis=2).argmin(axis=1)
    lr = np.outer(PILOT[optimizer][best], STEPS)
    loss = _losses(base, OPTIMIZERS[optimizer], lr, SEEDS)
    FOLDER.mkdir(exist_ok=True)
    np.savez_compressed(FOLDER / f"{name}.npz", batch_size=BATCH_SIZES, lr=lr, loss=loss.astype(np.float32))


def _losses(base: Experiment, optimizer: type[SGD | Adam], lr: Array, seeds: int) -> Array:
    """Return what trainings end at (B, R, S) at learning rates (B, R): one population per batch size and seed."""
    dataset, loss = base.data.load(), np.empty((*lr.shape, seeds))
    for (row, batch_size), seed in product(enumerate(BATCH_SIZES.tolist()), range(seeds)):
        experiments = [
            replace(base, optimizer=optimizer(lr=float(rate)), batch_size=batch_size, seed=seed) for rate in lr[row]
        ]
        loss[row, :, seed] = _trained(experiments, dataset)
    return loss


def _trained(experiments: list[Experiment], dataset: Dataset) -> list[float]:
    """Return the validation loss at the end of each experiment of a population, inf where it diverged."""
    microbatch = microbatch_for([experiments[0].batch_size])
    population = experiments[0].new_population(dataset, width=len(experiments), microbatch=microbatch)
    running = {population.admit(experiment).slot for experiment in experiments}
    losses = [math.inf] * len(experiments)
    while running:
        for result in population.train_epoch():
            member = result.member
            if result.diverged or member.finished:
                losses[member.slot] = math.inf if result.diverged else result.metrics["val/loss"]
                running.remove(member.slot)
                population.release(member)
    return losses


if __name__ == "__main__":
    for table in sys.argv[1:] or NAMES:
        make(table)
