"""lrlab's Hydra plug-ins. Every Hydra application on the machine imports this file, so it imports little itself."""

from pathlib import Path
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

import lrlab
from lrlab.sweeper.config import register

register()


class LrlabSweeper(Sweeper):
    """`hydra/sweeper: lrlab`; the work is done in `lrlab.sweeper.sweeper`."""

    hydra_context: HydraContext
    config: DictConfig

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> Any:
        from lrlab.sweeper.runners.protocols import Application
        from lrlab.sweeper.sweeper import sweep

        application: Any = self.task_function
        if not isinstance(application, Application):
            from lrlab.cli.own_application import OwnApplication

            application = OwnApplication(self.task_function, self.hydra_context)
        return sweep(self.settings, arguments, self.hydra_context, application, self.config)


class LrlabSearchPath(SearchPathPlugin):
    """Lets lrlab's own application find the sweeps that ship; other applications are left as they are."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        main = {entry.path for entry in search_path.get_path() if entry.provider == "main"}
        package = Path(lrlab.__file__).parent
        for root in (package, package.parent):  # installed, or a checkout
            if f"file://{root / 'conf'}" in main:
                search_path.append("lrlab", f"file://{root / 'sweeps'}")
