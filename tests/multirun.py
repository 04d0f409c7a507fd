"""Fixtures that sweep a task of a foreign Hydra application in this process."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import hydra.version
import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra

from lrlab.config.hydra_compat import Hydra, create_config_search_path

Multirun = Callable[..., Any]


@pytest.fixture
def own_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty current directory other than `tmp_path`, which Hydra's suites delete."""
    monkeypatch.chdir(tmp_path_factory.mktemp("own"))
    compatible = hydra.version.__compat_version__  # of a new process; another test may have set its own
    hydra.version.VersionBase.instance().setbase(compatible)
    yield
    for handler in logging.getLogger().handlers[:]:  # those that Hydra left open
        if isinstance(handler, logging.FileHandler):
            logging.getLogger().removeHandler(handler)
            handler.close()


@pytest.fixture
def multirun(own_folder: None, hydra_restore_singletons: None) -> Multirun:
    """Sweep a task in this process; its folder is ./sweep. Nothing is recorded, unless overrides want it."""

    def run(task: Callable[[Any], Any], *overrides: str, **config: Any) -> Any:
        hydra.version.setbase("1.3")
        ConfigStore.instance().store(name="minimal_app", node=config)
        application = Hydra.create_main_hydra2("minimal_app", create_config_search_path(None))
        arguments = ["hydra/sweeper=lrlab", "hydra.sweep.dir=sweep", "hydra.sweeper.tracking=none", *overrides]
        if "hydra/sweeper=basic" in overrides:
            arguments.remove("hydra.sweeper.tracking=none")
        try:
            return application.multirun("minimal_app", task, arguments, with_log_configuration=False)
        finally:
            GlobalHydra.instance().clear()

    return run
