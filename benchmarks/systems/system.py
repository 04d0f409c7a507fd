"""What a system must be able to do, and running it."""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks import processes
from benchmarks.bench import Bench
from benchmarks.equality import same_work
from benchmarks.store import Logged, trained
from benchmarks.workloads import Sweep

Command = Sequence[str | Path]


class System(Protocol):
    """One of those compared."""

    @property
    def name(self) -> str:
        """As the table has it."""

    def create_store(self, folder: Path) -> None:
        """An empty MLflow store, mlflow.db, in a folder."""

    def sweep(self, work: Sweep, outputs: Path) -> Command:
        """The command that trains the configurations of a work; it writes to a folder with such a store."""

    def search(self, work: Sweep, outputs: Path, seed: int, pruner: str) -> Command:
        """The same, but the system's own sampler chooses the configurations; pruner: median or none."""


@dataclass(frozen=True)
class Outcome:
    """A command that has run, from start (in seconds since 1970) to end, and the runs it left in MLflow."""

    began: float
    seconds: float
    cpu: float
    runs: list[Logged]


def run(
    bench: Bench,
    system: System,
    command: Callable[[Path], Command],
    look: Callable[[int], None] | None = None,
) -> Outcome:
    """Run a system's command in a new folder, which is deleted when all went well.

    No measured time includes the creation of the MLflow store: it is created once, and copied.
    """
    folder = bench.folder / re.sub(r"\W+", "-", system.name)
    empty, outputs = folder / "empty", folder / "outputs"
    if not (empty / "mlflow.db").is_file():
        empty.mkdir(parents=True, exist_ok=True)
        system.create_store(empty)
    shutil.rmtree(outputs, ignore_errors=True)
    outputs.mkdir()
    shutil.copy(empty / "mlflow.db", outputs / "mlflow.db")
    finished = processes.run(command(outputs), folder / "log", look=look)
    outcome = Outcome(finished.began, finished.seconds, finished.cpu, trained(outputs / "mlflow.db"))
    shutil.rmtree(outputs)
    return outcome


def sweep(bench: Bench, system: System, work: Sweep, look: Callable[[int], None] | None = None) -> Outcome:
    """Train the configurations of a work.

    Raises:
        Unequal: not all of it was done and logged, or something else.
    """
    outcome = run(bench, system, lambda outputs: system.sweep(work, outputs), look)
    same_work(system.name, outcome.runs, work)
    return outcome
