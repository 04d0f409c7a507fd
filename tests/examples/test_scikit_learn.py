"""The example, as a reader of it goes through it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lrlab.cli.main import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "scikit-learn"


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("outputs", "multirun", "__pycache__"))
    monkeypatch.chdir(folder)
    return folder


def test_from_a_sweep_to_its_answers(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = ("lr=0.04,0.32", "batch_size=16,64", "seed=0,1", "epochs=2", "hydra.sweeper.study_name=digits")
    command = [sys.executable, "train.py", "-m", *space]
    environment = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    swept = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert swept.returncode == 0, swept.stderr
    assert "study digits, run " in swept.stdout
    assert "roles: lr=lr, batch_size=batch_size, weight_decay=weight_decay, seed=seed, loss=objective" in swept.stdout
    for hint in (
        "lrlab ui",
        "lrlab report digits",
        "lrlab best digits --confirm 5",
        "lrlab reproduce best --study digits",
    ):
        assert f"  {hint}  #" in swept.stdout

    assert main(["best", "--json"]) == 0
    best = json.loads(capsys.readouterr().out)
    assert (best["study"], best["seeds"], set(best["params"])) == ("digits", 2, {"lr", "batch_size"})
    assert set(best["metrics"]) == {"reported", "objective", "val_accuracy"}
    assert best["config"]["hidden"] == [32]

    assert main(["reproduce", "best", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["run_id"], again["verdict"], again["environment_changes"]) == (best["run_id"], "identical", {})

    assert main(["report", "--json"]) == 0
    verdict = json.loads(capsys.readouterr().out)
    assert [each["batch_size"] for each in verdict["per_batch_size"]] == [16, 64]
    assert (verdict["verdict"], Path("outputs/reports/digits/index.html").is_file()) == ("cannot_tell", True)

    assert main(["resume", "digits", "seed=0,1,2"]) == 1  # another search: the application says so in one line
