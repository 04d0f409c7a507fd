"""lrlab, by its own commands."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.systems.system import Command
from benchmarks.workloads import BATCH_SIZES, HIDDEN, LR, STRENGTH, WARMUP, Sweep, Training
from lrlab.tracking.mlflow import Mlflow

COMMAND = (sys.executable, "-m", "lrlab.cli.main")


@dataclass(frozen=True)
class Lrlab:
    """lrlab as it is in this checkout."""

    name: str = "lrlab"

    def create_store(self, folder: Path) -> None:
        Mlflow().open(str(folder)).close()

    def sweep(self, work: Sweep, outputs: Path, seed: int) -> Command:
        return [
            *sweep_command("best", outputs),
            *_task(work.model, work.train_size),
            "optimizer=momentum",
            f"epochs={work.epochs}",
            f"hydra.sweeper.n_trials={work.trials}",
            *workers(work.workers),
            f"hydra.sweeper.sampler.seed={seed}",
            f"optimizer.lr=tag(log, interval{LR[work.model]})",
            f"batch_size=choice{BATCH_SIZES}",
            f"schedule.warmup=interval{WARMUP}",
            f"regularizer.strength=tag(log, interval{STRENGTH})",
        ]

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


def sweep_command(name: str, outputs: Path, *overrides: str) -> Command:
    """`lrlab sweep NAME`."""
    return [*COMMAND, "sweep", name, f"outputs={outputs}", *overrides]


def workers(count: int) -> Sequence[str]:
    """Options of a sweep: so many workers."""
    return [f"hydra/launcher={'joblib' if count > 1 else 'basic'}", f"hydra.sweeper.n_jobs={count}"]


def _task(model: str, train_size: int) -> Sequence[str]:
    hidden = [f"model.hidden={list(HIDDEN[model])}"] if HIDDEN[model] else []
    return ["data=cifar10", f"data.train_size={train_size}", f"model={model}", *hidden]
