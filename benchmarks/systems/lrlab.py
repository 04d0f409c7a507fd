"""lrlab, by its own commands."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.systems.system import Command
from benchmarks.workloads import HIDDEN, Configuration, Sweep, Training, configurations
from lrlab.tracking.mlflow import Mlflow

COMMAND = (sys.executable, "-m", "lrlab.cli.main")


@dataclass(frozen=True)
class Lrlab:
    """lrlab as it is in this checkout."""

    name: str = "lrlab"

    def create_store(self, folder: Path) -> None:
        Mlflow().open(str(folder)).close()

    def sweep(self, work: Sweep, outputs: Path) -> Command:
        points = ", ".join(_point(work, configuration) for configuration in configurations(work))
        return [*_search(work, outputs), f"hydra.sweeper.enqueue=[{points}]"]

    def search(self, work: Sweep, outputs: Path, seed: int, pruner: str) -> Command:
        return [*_search(work, outputs), f"hydra.sweeper.sampler.seed={seed}", f"hydra/sweeper/pruner={pruner}"]

    def train(self, work: Training, outputs: Path) -> Command:
        return [
            *(*COMMAND, "train", f"outputs={outputs}"),
            *_task(work.model, work.train_size),
            "schedule=cosine",
            f"optimizer={work.optimizer}",
            f"optimizer.lr={work.lr}",
            f"regularizer.strength={work.strength}",
            f"batch_size={work.batch_size}",
            f"epochs={work.epochs}",
        ]


def _search(work: Sweep, outputs: Path) -> list[str | Path]:
    """A sweep of the space of a work."""
    space = work.space
    several = len(space.batch_sizes) > 1
    return [
        *sweep_command("best", outputs),
        *_task(work.model, work.train_size),
        f"optimizer={work.optimizer}",
        f"epochs={work.epochs}",
        f"hydra.sweeper.n_trials={work.trials}",
        *workers(work.workers),
        *([f"population.width={work.width}"] if work.width else []),
        f"optimizer.lr=tag(log, interval{space.lr})",
        f"batch_size=choice{space.batch_sizes}" if several else f"batch_size={space.batch_sizes[0]}",
        f"schedule.warmup=interval{space.warmup}",
        f"regularizer.strength=tag(log, interval{space.strength})" if space.strength else "regularizer.strength=0",
    ]


def _point(work: Sweep, configuration: Configuration) -> str:
    """A point for `hydra.sweeper.enqueue`, which takes only what is searched."""
    values = {"optimizer.lr": configuration["lr"], "schedule.warmup": configuration["warmup"]}
    if len(work.space.batch_sizes) > 1:
        values["batch_size"] = configuration["batch_size"]
    if work.space.strength:
        values["regularizer.strength"] = configuration["strength"]
    return "{" + ", ".join(f"{key}: {value!r}" for key, value in values.items()) + "}"


def sweep_command(name: str, outputs: Path, *overrides: str) -> Command:
    """`lrlab sweep NAME`."""
    return [*COMMAND, "sweep", name, f"outputs={outputs}", *overrides]


def workers(count: int) -> Sequence[str]:
    """Options of a sweep: so many workers."""
    return [f"hydra/launcher={'joblib' if count > 1 else 'basic'}", f"hydra.sweeper.n_jobs={count}"]


def _task(model: str, train_size: int) -> Sequence[str]:
    hidden = HIDDEN[model]
    shape = ["model=mlp", f"model.hidden={list(hidden)}"] if hidden else ["model=linear"]
    return ["data=cifar10", f"data.train_size={train_size}", *shape]
