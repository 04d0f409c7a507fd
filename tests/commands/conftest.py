"""A sweep of somebody's own application, made once: two learning rates, two batch sizes, two seeds."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.mlflow_tracker import MlflowTracker

APPLICATION = """
import hydra
from hydra.core.config_store import ConfigStore

import lrlab

NODE = {"optim": {"step_size": 0.1}, "bs": 8, "seed": 0, "fail": False}
ConfigStore.instance().store(name="config", node=NODE)


@hydra.main(version_base="1.3", config_path=None, config_name="config")
def main(config):
    print("what an application prints")
    if config.fail:
        raise ValueError("as it was told")
    for epoch in (1, 2, 3):
        loss = (config.optim.step_size - 0.2) ** 2 + 1 / epoch + 0.001 * (config.seed % 3) + 0.01 * config.bs
        lrlab.report(epoch, loss)
    lrlab.log({"accuracy": 1 - loss}, epoch)
    return loss


if __name__ == "__main__":
    main()
"""


def run_application(folder: Path, *overrides: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "train.py", "-m", "hydra/sweeper=lrlab", *overrides]
    environment = {**os.environ, "COLUMNS": "160"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the application, with its study `mine`."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "train.py").write_text(APPLICATION)
    space = ("optim.step_size=0.1,0.2", "bs=8,16", "seed=0,1")
    done = run_application(folder, *space, "hydra.sweeper.study_name=mine")
    assert done.returncode == 0, done.stderr
    (folder / "stdout").write_text(done.stdout)
    return folder


@pytest.fixture
def own_study(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in that folder."""
    monkeypatch.chdir(project)
    return project


@pytest.fixture
def own_runs(own_study: Path) -> Iterator[MlflowTracker]:
    with Mlflow().open() as tracker:
        yield tracker
