"""What a process has imported when it begins to train: it would wait for all that only the end needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BEFORE = {
    "a command": "lrlab.cli.main",
    "a sweep": "lrlab.cli.hydra_app, lrlab.sweeper.sweeper, lrlab.sweeper.runners.population",
    "a sweep of another application": "hydra_plugins.lrlab_plugin, lrlab.sweeper.sweeper, lrlab.cli.own_application",
    "a training": "lrlab.cli.hydra_app, lrlab.runs.train",
}
WORKERS = {
    "a worker": "lrlab.cli.app, lrlab.sweeper.worker, lrlab.sweeper.runners.population, lrlab.data.cifar10",
    "another application's worker": "lrlab.cli.own_application, lrlab.sweeper.runners.hydra_job, lrlab.sweeper.worker",
}
TERMINAL = ("rich", "typer", "pydantic")
LIBRARIES = (
    "alembic",
    "joblib",
    "numba",
    "numpy.f2py",
    "pyarrow",
    "requests",
    "scipy.linalg",
    "scipy.stats",
    "sqlalchemy",
)
LATE = ("lrlab.analysis", "lrlab.commands", "lrlab.plotting", "altair", "matplotlib", "mlflow", "pandas", "sklearn")


@pytest.mark.parametrize("modules", BEFORE.values(), ids=BEFORE)
def test_what_the_end_needs_is_imported_in_the_end(modules: str) -> None:
    assert imported(modules, LATE) == []


@pytest.mark.parametrize("modules", WORKERS.values(), ids=WORKERS)
def test_a_worker_has_no_terminal(modules: str) -> None:
    assert imported(modules, LATE + TERMINAL) == []


def imported(modules: str, late: tuple[str, ...]) -> list[str]:
    """What of the late modules comes with these ones."""
    program = f"import sys, {modules}\nprint(*(name for name in sys.modules if name.startswith({late})))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


FIRST_UPDATE = f"""
import os, sys
from dataclasses import dataclass
from lrlab.core.optimizer import SGD

@dataclass(frozen=True)
class FirstUpdate:
    lr: float = 0.01

    def init(self, *arrays):
        return SGD(self.lr).init(*arrays)

    def update(self, *arguments):
        print("first update:", *(name for name in sys.modules if name.startswith({LATE + LIBRARIES})), flush=True)
        os._exit(0)
"""


@pytest.mark.parametrize("command", [["train"], ["sweep", "best", "hydra/launcher=basic", "hydra.sweeper.n_jobs=1"]])
def test_what_a_command_has_imported_by_its_first_update(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "first.py").write_text(FIRST_UPDATE)
    search_path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [
            *(sys.executable, "-m", "lrlab.cli.main", *command),
            *("data=spirals", "optimizer=sgd", "optimizer._target_=first.FirstUpdate", "allow=[first.]"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": search_path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["first update:"], done.stderr
