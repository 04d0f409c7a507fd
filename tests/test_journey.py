"""The main job as a user walks it: sweep, best, reproduce, and what MLflow holds afterwards."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest

from lrlab.cli.main import main
from lrlab.runs.provenance import Environment
from lrlab.tracking.mlflow import Mlflow

SWEEP = ["sweep", "best", "study=journey", "epochs=2", "data.train_size=400", "hydra.sweeper.n_trials=10"]
SEEDED = ["hydra.sweeper.sampler.seed=1", "hydra.sweeper.max_failure_rate=1"]
METRICS = {f"{split}/{quantity}" for split in ("train", "val") for quantity in ("loss", "accuracy")} | {
    "updates",
    "lr",
    "gradient_norm",
    "weight_norm",
    "update_ratio",
}


@pytest.fixture(scope="module")
def swept_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which a two-worker sweep over mixed batch sizes has run."""
    swept_folder = tmp_path_factory.mktemp("journey")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(swept_folder)
        # lr = 1e6 for one trial in three: a sweep goes on when trials diverge
        space = "optimizer.lr=choice(1e-2,3e-2,1e38)"
        assert main([*SWEEP, space, "batch_size=choice(16,32,64)", *SEEDED]) == 0
    return swept_folder


@pytest.fixture(autouse=True)
def in_swept_folder(swept_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(swept_folder)


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict]:
    code = main([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


def trials(swept_folder: Path) -> list[optuna.trial.FrozenTrial]:
    file = optuna.storages.journal.JournalFileBackend(str(swept_folder / "outputs" / "optuna.log"))
    return optuna.load_study(study_name="journey", storage=optuna.storages.JournalStorage(file)).trials


def test_best(swept_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, best = run_json(capsys, "best")
    assert code == 0
    assert set(best) == {
        *("study", "trial", "run_id", "value", "spread", "seeds", "trials"),
        *("params", "metrics", "config", "tie", "at_ends", "answers"),
    }
    complete = [trial for trial in trials(swept_folder) if trial.state.name == "COMPLETE"]
    assert (
        best["value"]
        == min(trial.value for trial in complete if trial.value is not None)
        == best["metrics"]["val/loss"]
    )
    assert best["config"]["optimizer"]["lr"] == best["params"]["optimizer.lr"]


@pytest.mark.parametrize("run", ["best", "0", "9"])
def test_reproduce(run: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, replay = run_json(capsys, "reproduce", run)
    assert (code, replay["verdict"], replay["max_abs_difference"]) == (0, "identical", 0)
    assert replay["environment_changes"] == {}
    assert replay["new_run_id"] != replay["run_id"]


def test_every_trial_is_a_child_run_with_its_state(swept_folder: Path) -> None:
    states = {"COMPLETE": "FINISHED", "FAIL": "FAILED", "PRUNED": "KILLED"}
    with Mlflow().open("outputs") as tracker:
        parents = {tracker.get_run(trial.user_attrs["run_id"]).parent for trial in trials(swept_folder)}
        (parent,) = parents
        assert parent is not None
        sweep = tracker.get_run(parent)
        children = {child.run_id: child for child in tracker.child_runs(parent)}
    assert (sweep.name, sweep.status) == ("journey", "FINISHED")
    assert sweep.tags["lrlab.best_run_id"] in children
    assert len(children) == len(trials(swept_folder)) == 10
    for trial in trials(swept_folder):
        child = children[trial.user_attrs["run_id"]]
        assert child.status == states[trial.state.name]
        noise = {"gradient_signal", "gradient_noise", "noise_scale"}  # where a batch is several microbatches
        assert METRICS <= set(child.metrics) <= METRICS | noise
        assert float(child.params["optimizer.lr"]) == trial.params["optimizer.lr"]
        diverged = trial.params["optimizer.lr"] == 1e38
        assert (trial.state.name == "FAIL") == diverged
        assert diverged == any(not math.isfinite(value) for history in child.metrics.values() for _, value in history)


def test_the_best_run_keeps_weights_and_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    _, best = run_json(capsys, "best")
    (folder,) = Path("outputs/mlartifacts").glob(f"*/{best['run_id']}/artifacts")
    assert {path.name for path in folder.iterdir()} == {
        "loss_curve.png",
        "templates.png",
        "weights.npz",
    }
    with np.load(folder / "weights.npz", allow_pickle=False) as weights:
        assert {name: array.shape for name, array in weights.items()} == {"W1": (10, 64), "b1": (10,)}


def test_another_space_is_refused_with_the_difference(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SWEEP, "optimizer.lr=choice(1e-2,3e-2)", "batch_size=choice(16,32,64)"]) == 2
    line = capsys.readouterr().err
    assert "optimizer.lr was choice(0.01, 0.03, 1e+38), is choice(0.01, 0.03)" in line


def test_a_changed_environment_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    changed = replace(Environment.current(), numpy="0.0")
    monkeypatch.setattr(Environment, "current", lambda: changed)
    _, replay = run_json(capsys, "reproduce", "best")
    assert replay["environment_changes"]["numpy"] == [np.__version__, "0.0"]


def test_single_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "model=mlp", "model.hidden=[8]", "epochs=2", "data.train_size=200"]) == 0
    out = capsys.readouterr().out
    run_id = out.partition("run ")[2].split()[0]
    code, replay = run_json(capsys, "reproduce", run_id)
    assert (code, replay["verdict"]) == (0, "identical")
