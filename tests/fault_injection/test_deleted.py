"""What was deleted in MLflow: each command says so, and how to restore it, before it trains anything."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lrlab.cli.main import main
from lrlab.cli.options import Records
from lrlab.tracking.client_store import client_class

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command; return its exit code and what it said on stderr."""

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(arguments)
        return code, capsys.readouterr().err

    return run


def client(place: Path):
    return client_class()(f"sqlite:///{place}/outputs/mlflow.db")


def trials(place: Path) -> list[tuple[int, str]]:
    """The trials, the best first, each with its run."""
    study = Records(place / "outputs").study("s")
    best_first = sorted(study.get_trials(deepcopy=False), key=lambda trial: float(trial.value or 0))
    return [(trial.number, trial.user_attrs["run_id"]) for trial in best_first]


def parent(place: Path) -> str:
    return str(client(place).get_run(trials(place)[0][1]).data.tags["mlflow.parentRunId"])


def points(place: Path) -> int:
    return len(client(place).search_runs(["1"]))


def test_the_best_run(place: Path, command: Command) -> None:
    (best, run_id), (second, second_run), *_ = trials(place)
    client(place).delete_run(run_id)
    restore = f"runs restore --run-id {run_id}` brings it back"
    next_best = rf"the next best is trial {second}, objective [\d.]+, run {second_run}"
    before = points(place)
    for arguments in (["best", "s"], ["best", "s", "--confirm", "2"], ["reproduce", "best", "--study", "s"]):
        code, said = command(*arguments)
        assert (code, said.count("\n")) == (2, 1), said
        assert f"run {run_id} was deleted in MLflow" in said
        assert restore in said
        assert re.search(next_best, said)
    assert points(place) == before  # nothing was trained
    code, said = command("resume", "s")  # nothing is left to train, and the sweep is done
    assert code == 0
    assert re.search(next_best, said)
    code, said = command("report", "s")
    assert code == 0
    assert f"1 trial of study s left out, for want of a run: {best}; " in said
    assert restore in said
    assert re.search(next_best, said)
    page = (place / "outputs" / "reports" / "s" / "index.html").read_text()
    assert f"1 trial of study s left out, for want of a run: {best}; " in page


def test_the_command_that_is_said_restores_it(place: Path, command: Command) -> None:
    client(place).delete_run(trials(place)[0][1])
    _, said = command("best", "s")
    (restore,) = re.findall("`(MLFLOW_TRACKING_URI=.*)`", said)
    subprocess.run(restore, shell=True, check=True, capture_output=True)
    assert command("best", "s")[0] == 0


def test_a_best_run_that_was_purged(place: Path, command: Command) -> None:
    (_, run_id), (second, _), *_ = trials(place)
    client(place).delete_run(run_id)
    uri = f"sqlite:///{place}/outputs/mlflow.db"
    purge = ["mlflow", "gc", "--backend-store-uri", uri, "--tracking-uri", uri, "--run-ids", run_id]
    subprocess.run([sys.executable, "-m", *purge], check=True, capture_output=True)
    code, said = command("best", "s")
    assert (code, said.count("\n")) == (2, 1)
    assert f"run_id '{run_id}' is not in" in said
    assert "deleted for good" in said
    assert f"the next best is trial {second}, " in said


def test_every_run(place: Path, command: Command) -> None:
    for _, run_id in trials(place):
        client(place).delete_run(run_id)
    code, said = command("report", "s")
    assert (code, said.count("\n")) == (2, 1)
    assert "6 trials of study s left out, for want of a run: 0, 1, 2, 3, 4, 5; " in said
    assert "runs restore --run-id" in said
    assert "no configuration has all its runs" in command("best", "s")[1]


def test_the_sweeps_own_run(place: Path, command: Command) -> None:
    run_id = parent(place)
    client(place).delete_run(run_id)
    before = points(place)
    code, said = command("resume", "s")
    assert (code, said.count("\n")) == (2, 1)
    assert f"runs restore --run-id {run_id}` brings it back" in said
    assert points(place) == before
    code, said = command("report", "s")
    assert code == 0
    assert "the report is not attached to the sweep's own run: " in said
    assert command("best", "s") == (0, "")


@pytest.mark.parametrize("arguments", [("best", "s"), ("resume", "s"), ("report", "s")])
def test_the_whole_experiment(place: Path, command: Command, arguments: tuple[str, ...]) -> None:
    client(place).delete_experiment("1")
    code, said = command(*arguments)
    assert (code, said.count("\n")) == (2, 1), said
    assert "tracking.experiment must be one that is not deleted, got 'quickstart'" in said
    assert f"MLFLOW_TRACKING_URI=sqlite:///{place}/outputs/mlflow.db " in said
    assert "experiments restore --experiment-id 1` brings it back with its runs" in said
