"""How a sweep of lrlab's own ends."""

import json
from pathlib import Path

import pytest

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
    assert "study s; tracking=none: no run was kept" in captured.out
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
