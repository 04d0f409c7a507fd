"""`lrlab reproduce` of what another BLAS kernel recorded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lrlab.cli.main import main
from lrlab.runs.provenance import Environment
from lrlab.runtime.blas_kernel import VARIABLE, is_available
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.tags import Tag

TRAIN = ["train", "model=mlp", "epochs=2", "data.train_size=300"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)


def recorded(**environment: str) -> str:
    """Train in a process with these variables; return the run."""
    command = [sys.executable, "-m", "lrlab.cli.main", *TRAIN]
    env = {**os.environ, **environment}
    said = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
    return next(line.split()[1] for line in said.splitlines() if line.startswith("run "))


def test_a_record_of_another_kernel_is_replayed_with_it_to_the_bit(capfd: pytest.CaptureFixture[str]) -> None:
    present = Environment.current().blas_kernel
    other = next((k for k in ("Haswell", "Sandybridge") if k != present and is_available(k)), None)
    if other is None:
        pytest.skip(f"beside {present}, OpenBLAS has no kernel for this processor: Haswell needs avx2")
    run_id = recorded(**{VARIABLE: other})
    assert main(["reproduce", run_id, "--json"]) == 0
    replay = json.loads(capfd.readouterr().out)
    assert (replay["verdict"], replay["environment_changes"]) == ("identical", {})
    assert VARIABLE not in os.environ


@pytest.mark.parametrize("asked", [None, "Nehalem"])
def test_a_kernel_that_is_not_here_is_named_and_the_present_one_taken(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], asked: str | None
) -> None:
    """Nor is another looked for where the user has named one."""
    run_id = recorded()
    with Mlflow().open() as tracker:
        provenance = json.loads(tracker.get_run(run_id).tags[Tag.PROVENANCE])
        provenance["environment"]["blas_kernel"] = "Z80"
        tracker.set_tags(run_id, {Tag.PROVENANCE: json.dumps(provenance)})
    if asked:
        monkeypatch.setenv(VARIABLE, asked)
    assert main(["reproduce", run_id, "--json"]) == 0
    said = capfd.readouterr()
    replay = json.loads(said.out)
    assert replay["verdict"] == "identical"
    assert replay["environment_changes"] == {"blas_kernel": ["Z80", Environment.current().blas_kernel]}
    line = "lrlab: the BLAS kernel Z80 of the record is not available here: the replay may round otherwise\n"
    assert said.err.startswith(line) == (asked is None)
