"""The private parts of Hydra that lrlab uses, in one place; a test looks for each of them in the installed Hydra."""

import copy
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

# The public `hydra.compose` neither takes further directories nor keeps a multirun's node, and `hydra.main` reads
# `sys.argv`, so `cli.hydra_app` composes and runs as `hydra.main` does, by its own three pieces.
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from omegaconf import open_dict, read_write

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader
    from hydra.core.utils import JobReturn
    from hydra.types import HydraContext
    from omegaconf import DictConfig

__all__ = ["BASIC_LAUNCHER", "CORE_PLUGINS", "Hydra", "create_config_search_path", "get_args_parser"]

# A launcher's `_target_` is all that tells whether it runs jobs in this process; Hydra names no constant for its own.
CORE_PLUGINS = "hydra._internal.core_plugins."
BASIC_LAUNCHER = f"{CORE_PLUGINS}basic_launcher.BasicLauncher"

NO_LOGGING = {"version": 1, "root": None, "disable_existing_loggers": False}  # hydra/job_logging=none


def compose_next(hydra: Hydra, config: "DictConfig") -> None:
    """Let the next composition be a configuration that was composed before: Hydra takes a tenth of a second for one."""
    loader = hydra.config_loader

    def load_configuration(**_: object) -> "DictConfig":
        del loader.load_configuration  # the class's is the one after
        return config

    loader.load_configuration = load_configuration  # type: ignore[assignment,method-assign]


def group_options(
    config_loader: "ConfigLoader", config_name: str | None, overrides: Sequence[str]
) -> Callable[[str], Sequence[str]]:
    """Return the function from a config group to its options; Hydra would read the search path anew for each group.

    Args:
        config_name, overrides: of the composition whose search path is meant.
    """
    loader: Any = config_loader
    _, repository = loader._parse_overrides_and_create_caching_repo(config_name, list(overrides))
    options: Callable[[str], Sequence[str]] = repository.get_group_options
    return options


class WorkerConfigLoader(ConfigLoaderImpl):
    """A loader for a launcher whose jobs are workers: each has the configuration of the whole sweep.

    That is composed already, and Hydra takes a tenth of a second for one. A worker is no job of the user's: it makes no
    folder, on no host, and no log file.
    """

    def load_sweep_config(self, master_config: "DictConfig", sweep_overrides: list[str]) -> "DictConfig":
        config = copy.deepcopy(master_config)
        with read_write(config), open_dict(config.hydra):
            node: Any = config.hydra
            node.sweep.dir = node.sweep.subdir = "."
            node.output_subdir, node.job.chdir = None, False
            node.job_logging = NO_LOGGING
        return config


def worker_context(context: "HydraContext") -> "HydraContext":
    """Return a context whose jobs are workers: none of the user's callbacks hears of them."""
    return context_without_callbacks(WorkerConfigLoader(context.config_loader.get_search_path()))


def context_without_callbacks(config_loader: "ConfigLoader") -> "HydraContext":
    """Return a context that composes with a loader, and calls nobody."""
    from hydra._internal.callbacks import Callbacks  # an empty one has no other constructor
    from hydra.types import HydraContext

    return HydraContext(config_loader=config_loader, callbacks=Callbacks())


def exception_of(returned: "JobReturn") -> BaseException:
    """Return what a failed job raised; the public `return_value` would print a line and raise it again."""
    error: BaseException = returned._return_value
    return error


def job_around() -> "JobReturn | None":
    """Return what Hydra is going to return of the job around the caller, in this thread; None if it runs none.

    Hydra tells nobody but its callbacks, which are a configuration's, that a job has ended, and how.
    """
    from hydra.core.utils import run_job

    frame = sys._getframe(1)
    while frame is not None and frame.f_code is not run_job.__code__:
        frame = frame.f_back  # type: ignore[assignment]
    return frame.f_locals.get("ret") if frame else None


@contextmanager
def restored_logging() -> Iterator[None]:
    """Restore handlers and levels at the end, and close the log files that Hydra has opened since: it does neither."""
    root = logging.getLogger()
    handlers, loggers = root.handlers[:], [root, *map(logging.getLogger, root.manager.loggerDict)]
    levels = [logger.level for logger in loggers]
    try:
        yield
    finally:
        for handler in root.handlers:
            if handler not in handlers:
                handler.close()
        root.handlers[:] = handlers
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
