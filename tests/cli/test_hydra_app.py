"""How lrlab's own trainings and sweeps begin and end."""

import json
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.types import RunMode
from omegaconf import OmegaConf

from lrlab.cli.main import main
from lrlab.sweeper.runners.population import PopulationRunner
from lrlab.sweeper.runners.protocols import TrialEnd

SWEEP = ("sweep", "quickstart", "epochs=1", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1")
TINY = ("data.train_size=200", "optimizer.lr=interval(0.01,1)", "hydra/launcher=basic")


def test_a_sweep_of_which_too_many_trials_failed_exits_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(runner: PopulationRunner) -> list[TrialEnd]:
        return [TrialEnd(0, "failed", reason="its process died")]

    monkeypatch.setattr(PopulationRunner, "advance", fail)
    monkeypatch.chdir(tmp_path)
    assert main([*SWEEP, "tracking=none", "hydra/launcher=basic"]) == 1
    rate = "hydra.sweeper.max_failure_rate is 0.1"
    line = f"lrlab: 1 of 2 trials failed, {rate}; the first, trial 0: its process died"
    assert capsys.readouterr().err.splitlines()[-1] == line


@pytest.mark.parametrize("more", [(), ("seed=0,1", "batch_size=16"), ("objective=val/accuracy",)])
def test_a_sweep_that_keeps_no_runs_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*SWEEP, "study=s", "tracking=none", *TINY, *more]) == 0
    captured = capsys.readouterr()
    assert "best of s: trial" in captured.out
    assert "tracking=none: no run was kept" in captured.out
    assert "lrlab: " not in captured.err
    assert main(["resume", "s", "hydra.sweeper.n_trials=3"]) == 0
    capsys.readouterr()
    assert main(["best", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["run_id"] == ""
    for command in (["best", "--confirm", "2"], ["report"], ["reproduce"], ["reproduce", "0"]):
        assert main(command) == 2
        assert "study s has no runs: its sweep kept none" in capsys.readouterr().err
    assert main(["resume", "s", "tracking=mlflow", "hydra.sweeper.n_trials=4"]) == 2
    assert "tracking of study s must be none" in capsys.readouterr().err
    assert not (tmp_path / "outputs" / "mlflow.db").exists()


def test_a_study_with_runs_is_not_resumed_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*SWEEP, "study=s", *TINY]) == 0
    assert main([*SWEEP, "study=s", *TINY, "tracking=none", "hydra.sweeper.n_trials=3"]) == 2
    assert "tracking of study s must be mlflow, where its runs are, got none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "mode", "trained"),
    [
        (["seed=1"], "RUN", 1),
        (["seed=1", "hydra.mode=RUN"], "RUN", 1),
        (["--config-dir", "more", "--config-name", "many", "seed=1,2"], "MULTIRUN", 2),
        (["seed=1,2", "hydra.mode=MULTIRUN"], "MULTIRUN", 2),
        (["seed=1,2", "-m"], "MULTIRUN", 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_configuration_is_composed_once_and_says_how_it_runs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    mode: str,
    trained: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "many.yaml").write_text("defaults: [config, _self_]\nhydra: {mode: MULTIRUN}\n")
    composed: list[RunMode] = []
    compose = ConfigLoaderImpl.load_configuration

    def count(loader: Any, config_name: str, overrides: list[str], run_mode: RunMode, **more: Any) -> Any:
        found = compose(loader, config_name, overrides, run_mode, **more)
        composed.append(run_mode)
        return found

    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", count)
    assert main(["train", "method=test_function", "epochs=1", "tracking=none", *words]) == 0
    assert capsys.readouterr().out.count("finished after epoch") == trained
    assert mode == "MULTIRUN" or composed == [RunMode.RUN]
    for file in (tmp_path / "outputs").rglob("hydra.yaml"):
        node = OmegaConf.load(file).hydra
        assert (node.mode, list(node.overrides.hydra)) == (mode, [f"hydra.mode={mode}"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["seed=1,2"], "seed=1,2"),
        (["seed=1,2", "hydra.mode=RUN"], "seed=1,2"),
        (["seed=range(3)"], "requires --multirun"),
        (["-m", "hydra.mode=RUN"], "hydra.mode must be MULTIRUN"),
        (["hydra.mode=MULTIRUN", "hydra.verbose=a,b"], "hydra.verbose=a,b"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_several_values_need_a_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert list(tmp_path.iterdir()) == []
