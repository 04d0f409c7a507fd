"""What a sweep or a command finds in its process it leaves there: logging, signals, environment, backend, directory."""

import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import matplotlib
import mlflow  # noqa: F401 - what a library does when it is first imported is its own doing
import optuna
import pytest
import scipy.special  # noqa: F401
import sklearn  # noqa: F401
from omegaconf import DictConfig

from lrlab.cli.main import main

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM)
LOGGERS = ("optuna", "mlflow", "lrlab", "hydra", "alembic", "sqlalchemy", "matplotlib")
DIGITS = ("data.train_size=200", "epochs=2", "optimizer.lr=0.1")


def process_state() -> dict[str, Any]:
    """Return what this process has besides its memory."""
    root = logging.getLogger()
    umask = os.umask(0)
    os.umask(umask)
    return {
        **{f"${name}": value for name, value in os.environ.items()},
        "root logger": (root.level, root.disabled, logging.root.manager.disable),
        "handlers": [(type(handler), handler.level, getattr(handler, "stream", None)) for handler in root.handlers],
        "levels": {name: logging.getLogger(name).level for name in LOGGERS},
        "signals": {name: signal.getsignal(name) for name in SIGNALS},
        "backend": dict.__getitem__(matplotlib.rcParams, "backend"),
        "figures": dict.__getitem__(matplotlib.rcParams, "figure.figsize"),
        "warnings": list(warnings.filters),
        "arguments": list(sys.argv),
        "directory": os.getcwd(),
        "umask": umask,
        "hooks": (sys.excepthook, sys.displayhook),
    }


def changes(before: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what differs by now: before and after."""
    now = process_state()
    return {name: (before.get(name), now.get(name)) for name in before | now if now.get(name) != before.get(name)}


def square(config: DictConfig) -> float:
    return float((config.x - 2) ** 2)


def failing(config: DictConfig) -> float:
    raise ZeroDivisionError


@pytest.fixture
def verbose_optuna() -> Iterator[None]:
    """A host that wants all that Optuna logs."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    yield
    optuna.logging.set_verbosity(before)


@pytest.mark.usefixtures("verbose_optuna")
@pytest.mark.parametrize(("task", "error"), [(square, None), (failing, ZeroDivisionError)])
def test_a_sweep_of_a_foreign_application(
    multirun: Callable[..., Any], task: Callable[[DictConfig], float], error: type[Exception] | None
) -> None:
    """Hydra configures the logging of its applications itself, so its own sweeper goes first."""
    multirun(square, "hydra/sweeper=basic", "x=1,2", x=0)
    before = process_state()
    if error is None:
        multirun(task, "x=1,2", x=0)
    else:
        with pytest.raises(error):
            multirun(task, "x=1,2", x=0)
    assert changes(before) == {}


@pytest.fixture
def swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = ("hydra.sweeper.n_trials=2", "study=s", "data.train_size=200", "epochs=2")
    assert main(["sweep", "quickstart", *sweep]) == 0


COMMANDS = {
    "train refused": ["train", "optimizer.lr=-1"],
    "train": ["train", "data.train_size=200", "epochs=2"],
    "reproduce": ["reproduce", "best", "--study", "s"],
    "sweep": ["sweep", "quickstart", "hydra.sweeper.n_trials=2", "study=t", "data.train_size=200", "epochs=2"],
    "best": ["best", "s"],
    "report": ["report", "s"],
}


@pytest.mark.usefixtures("swept", "verbose_optuna")
@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_a_command(arguments: list[str]) -> None:
    before = process_state()
    with suppress(SystemExit):
        main(arguments)
    assert changes(before) == {}
