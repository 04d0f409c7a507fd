"""How a sweep of lrlab's own ends."""

from pathlib import Path

import pytest

from lrlab.cli.main import main
from lrlab.sweeper.runners.population import PopulationRunner
from lrlab.sweeper.runners.protocols import TrialEnd

SWEEP = ("sweep", "quickstart", "epochs=1", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1")


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
