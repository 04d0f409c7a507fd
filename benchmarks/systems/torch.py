"""The peers: benchmarks/peers/, each in its own virtual environment."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import environments, processes
from benchmarks.bench import Bench
from benchmarks.environments import PEERS
from benchmarks.systems.system import Command
from benchmarks.workloads import HIDDEN, Sweep, Training, lay_out, write_configurations
from lrlab.runtime.environment import cores


@dataclass(frozen=True)
class OptunaTorch:
    """Optuna 5 + PyTorch in long-lived processes."""

    bench: Bench
    name: str = "Optuna 5 + PyTorch"

    def create_store(self, folder: Path) -> None:
        _create_store(self.bench, "optuna", folder)

    def sweep(self, work: Sweep, outputs: Path) -> Command:
        return [*self._sweep(work, outputs), f"--configurations={write_configurations(work, self.bench.folder)}"]

    def search(self, work: Sweep, outputs: Path, seed: int, pruner: str) -> Command:
        return [*self._sweep(work, outputs), f"--seed={seed}", f"--pruner={pruner}"]

    def _sweep(self, work: Sweep, outputs: Path) -> list[str | Path]:
        space = work.space
        return [
            *(environments.python(self.bench, "optuna"), PEERS / "optuna_sweep.py", "--name=sweep"),
            f"--data={lay_out(work.train_size, self.bench.folder)}",
            f"--outputs={outputs}",
            f"--trials={work.trials}",
            f"--epochs={work.epochs}",
            f"--workers={work.workers}",
            f"--optimizer={work.optimizer}",
            *_several("hidden", HIDDEN[work.model]),
            *_several("batch-sizes", space.batch_sizes),
            *_several("lr", space.lr),
            *_several("warmup", space.warmup),
            *_several("strength", space.strength or ()),
        ]

    def train(self, work: Training, outputs: Path) -> Command:
        return [
            *(environments.python(self.bench, "optuna"), PEERS / "single.py"),
            f"--data={lay_out(work.train_size, self.bench.folder)}",
            f"--outputs={outputs}",
            f"--optimizer={work.optimizer}",
            f"--lr={work.lr}",
            f"--strength={work.strength}",
            f"--batch-size={work.batch_size}",
            f"--epochs={work.epochs}",
            f"--threads={cores()}",
            *_several("hidden", HIDDEN[work.model]),
        ]


@dataclass(frozen=True)
class HydraTorch:
    """Hydra's released Optuna sweeper and its joblib launcher + PyTorch."""

    bench: Bench
    name: str = "Hydra's sweeper + PyTorch"

    def create_store(self, folder: Path) -> None:
        _create_store(self.bench, "hydra", folder)

    def sweep(self, work: Sweep, outputs: Path) -> Command:
        """The sweeper cannot be told configurations to try: it sweeps the grid of their indices."""
        return [
            *self._sweep(work, outputs),
            "hydra/sweeper/sampler=grid",
            f"configurations={write_configurations(work, self.bench.folder)}",
            f"index=range(0, {work.trials})",
        ]

    def search(self, work: Sweep, outputs: Path, seed: int, pruner: str) -> Command:
        """The sweeper has no pruning: what is asked for is left out."""
        space = work.space
        return [
            *self._sweep(work, outputs),
            f"hydra.sweeper.sampler.seed={seed}",
            f"point.lr=tag(log, interval{space.lr})",
            f"point.batch_size=choice({','.join(map(str, space.batch_sizes))})",
            f"point.warmup=interval{space.warmup}",
            *([f"point.strength=tag(log, interval{space.strength})"] if space.strength else []),
        ]

    def _sweep(self, work: Sweep, outputs: Path) -> list[str | Path]:
        return [
            *(environments.python(self.bench, "hydra"), PEERS / "hydra_sweep.py", "--multirun", "name=sweep"),
            f"data={lay_out(work.train_size, self.bench.folder)}",
            f"store={outputs / 'mlflow.db'}",
            f"hydra.sweep.dir={outputs / 'sweep'}",
            f"hidden={list(HIDDEN[work.model])}",
            f"optimizer={work.optimizer}",
            f"epochs={work.epochs}",
            f"hydra.sweeper.n_trials={work.trials}",
            f"hydra.sweeper.n_jobs={work.workers}",
            f"hydra.launcher.n_jobs={work.workers}",
        ]


def _create_store(bench: Bench, environment: str, folder: Path) -> None:
    create = [environments.python(bench, environment), PEERS / "records.py", folder / "mlflow.db"]
    processes.run(create, folder / "log")


def _several(option: str, values: Iterable[float]) -> list[str]:
    texts = [str(value) for value in values]
    return [f"--{option}", *texts] if texts else []
