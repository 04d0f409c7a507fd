import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra.extra.pytest_plugin import hydra_restore_singletons, hydra_sweep_runner  # noqa: F401

from tests.multirun import multirun, own_folder  # noqa: F401

APP = Path(__file__).with_name("minimal_app.py")


@pytest.fixture(autouse=True)
def _everywhere(own_folder: None) -> None:  # noqa: F811
    pass


@pytest.fixture
def program() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the minimal application, or another, as its user does."""

    def run(*arguments: str, app: Path = APP) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error::UserWarning:lrlab", str(app), *arguments]
        environment = {**os.environ, "COLUMNS": "200"}
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)

    return run
