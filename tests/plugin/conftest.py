import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hydra.version
import pytest
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.extra.pytest_plugin import hydra_restore_singletons, hydra_sweep_runner  # noqa: F401

APP = Path(__file__).with_name("minimal_app.py")


@pytest.fixture(autouse=True)
def own_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path_factory.mktemp("own"))  # Hydra's suites delete tmp_path
    hydra.version.VersionBase.instance().setbase(
        hydra.version.__compat_version__
    )  # what a fresh process takes; another test may have chosen its own
    yield
    for handler in logging.getLogger().handlers[:]:  # those that Hydra left open
        if isinstance(handler, logging.FileHandler):
            logging.getLogger().removeHandler(handler)
            handler.close()


@pytest.fixture
def multirun(hydra_restore_singletons: None) -> Callable[..., Any]:  # noqa: F811
    """Sweep a task in this process; its folder is ./sweep."""

    def run(task: Callable[[Any], Any], *overrides: str, **config: Any) -> Any:
        hydra.version.setbase("1.3")
        ConfigStore.instance().store(name="minimal_app", node=config)
        made = Hydra.create_main_hydra2("minimal_app", create_config_search_path(None))
        given = ["hydra/sweeper=lrlab", "hydra.sweep.dir=sweep", *overrides]
        try:
            return made.multirun("minimal_app", task, given, with_log_configuration=False)
        finally:
            GlobalHydra.instance().clear()

    return run


@pytest.fixture
def program() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the minimal application as its user does."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error::UserWarning:lrlab", str(APP), *arguments]
        environment = {**os.environ, "COLUMNS": "200"}
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)

    return run
