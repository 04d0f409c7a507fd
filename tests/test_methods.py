"""Every method as a user runs it: trained, recorded, trained again to the bit, and swept."""

import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean

import pytest

from lrlab.cli.main import main
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import RunRecord


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("methods")


@pytest.fixture(autouse=True)
def in_shared_folder(shared_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shared_folder)


def run_id(said: str) -> str:
    return next(line.split()[1] for line in said.splitlines() if line.startswith("run "))


def record(run: str) -> RunRecord:
    with Mlflow().open() as tracker:
        return tracker.get_run(run)


@pytest.mark.parametrize(
    ("choice", "epochs", "verdict"),
    [
        ("optimizer.lr=1e-4 epochs=5", 5, "too low"),
        ("optimizer.lr=0.03 batch_size=32 epochs=5", 5, "good"),
        # lr times 2 lambda is above 2 (1 + rho), where momentum is unstable: it grows, and stays finite for 5 epochs
        ("optimizer.lr=300 regularizer.strength=6.4e-3 batch_size=32 epochs=5", 5, "diverged"),
        ("model=knn model.k=5 model.metric=l1", 1, None),
        ("model=knn data=spirals", 1, None),
        ("method=random_search method.draws=250 model=mlp", 3, None),
        ("method=newton regularizer.strength=0.01 blas_threads=1", None, None),
        ("method=test_function method.function=beale optimizer=adam optimizer.lr=0.1 method.steps=30", 30, None),
        ("regularizer=l1_proximal optimizer=sgd epochs=3", 3, "too low"),
    ],
)
def test_trains_and_reproduces(
    choice: str, epochs: int | None, verdict: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *choice.split()]) == 0
    said = capsys.readouterr().out
    found = record(run_id(said))
    assert found.status == "FINISHED"
    assert found.tags.get(Tag.LEARNING_RATE) == verdict
    assert ("judged by the training curve" in said) == (verdict is not None)
    steps = [step for step, _ in found.metrics["val/loss"]]
    assert steps == list(range(1, len(steps) + 1))
    assert epochs in (None, len(steps))

    assert main(["reproduce", found.run_id, "--json"]) == 0
    replay = json.loads(capsys.readouterr().out)
    assert (replay["verdict"], replay["max_abs_difference"]) == ("identical", 0)


def test_the_shipped_sweep_over_neighbours(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "knn", "study=knn", "data.train_size=300"]) == 0
    capsys.readouterr()
    assert main(["best", "knn", "--json"]) == 0
    best = json.loads(capsys.readouterr().out)
    assert set(best["params"]) == {"model.k", "model.metric"}
    assert best["value"] == best["metrics"]["val/accuracy"] > 0.9
    with Mlflow().open() as tracker:
        parent = tracker.get_run(best["run_id"]).parent
        assert parent
        trials = tracker.child_runs(parent)
    assert len(trials) == 18
    assert max(trial.metrics["val/accuracy"][-1][1] for trial in trials) == best["value"]


def test_the_objective_alone_decides_what_is_best(capsys: pytest.CaptureFixture[str]) -> None:
    """The accuracy falls with the learning rate, from good to that of chance."""
    space = ["model=mlp", "optimizer.lr=choice(0.1,1e-5)", "schedule.warmup=0", "batch_size=32", "epochs=2"]
    sweep = ["sweep", "quickstart", "study=s", "hydra.sweeper.n_trials=null", "regularizer.strength=0", *space]
    assert main([*sweep, "objective=val/accuracy"]) == 0
    capsys.readouterr()
    assert main(["best", "s", "--json"]) == 0
    best = json.loads(capsys.readouterr().out)
    assert best["params"] == {"optimizer.lr": 0.1}
    assert best["value"] == best["metrics"]["val/accuracy"] > 0.8


def test_methods_meet_in_one_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    """Populations where members can share, one after the other where they cannot."""
    space = ["model=choice(linear,mlp,knn)", "seed=choice(0,1)"]
    assert main(["sweep", "best", "study=models", "epochs=2", "hydra.sweeper.n_trials=null", *EVERY, *space]) == 0
    assert main(["sweep", "best", "study=methods", "epochs=2", "hydra.sweeper.n_trials=null", *EVERY, *METHODS]) == 0
    capsys.readouterr()
    for study, count in (("models", 6), ("methods", 3)):
        assert main(["best", study, "--json"]) == 0
        best = json.loads(capsys.readouterr().out)
        with Mlflow().open() as tracker:
            parent = tracker.get_run(best["run_id"]).parent
            assert parent
            trials = tracker.child_runs(parent)
        assert [trial.status for trial in trials] == ["FINISHED"] * count
        losses: dict[tuple[str, str], list[float]] = defaultdict(list)
        for trial in trials:
            losses[trial.params["model"], trial.params["method"]].append(trial.metrics["val/loss"][-1][1])
        assert len(losses) == 3
        assert best["value"] == pytest.approx(min(map(fmean, losses.values())))


EVERY = [
    "hydra.sweeper.n_jobs=1",
    "blas_threads=1",
    "hydra/launcher=basic",
    "optimizer.lr=choice(0.01)",
    "batch_size=choice(32)",
    "schedule.warmup=choice(0)",
    "regularizer.strength=choice(0.01)",
]
METHODS = ["method=choice(gradient,newton,random_search)"]
