"""The example, where PyTorch is installed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lrlab.cli.main import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "pytorch"

pytestmark = pytest.mark.torch


def test_a_sweep_and_its_best_trial_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch")
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("outputs", "multirun", "__pycache__"))
    command = [sys.executable, "train.py", "-m", "hydra.sweeper.n_trials=3", "epochs=2"]
    swept = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert swept.returncode == 0, swept.stderr
    assert "roles: lr=optim.lr, batch_size=data.batch_size, weight_decay=optim.weight_decay" in swept.stdout

    monkeypatch.chdir(folder)
    assert main(["reproduce", "best", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "identical"


def test_the_lines_to_add_are_three() -> None:
    """Beside `lrlab.log`, which is optional, there is nothing of lrlab in the program."""
    program = [line.strip() for line in (EXAMPLE / "train.py").read_text().splitlines()]
    ours = [line for line in program if line.startswith("lrlab.") or line == "import lrlab"]
    assert [line.partition("(")[0] for line in ours] == ["import lrlab", "lrlab.log", "lrlab.report"]
    assert "  - override hydra/sweeper: lrlab" in (EXAMPLE / "config.yaml").read_text().splitlines()
