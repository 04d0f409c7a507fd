from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hydra.version
import optuna
import pytest
from hydra._internal.callbacks import Callbacks
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.extra.pytest_plugin import hydra_restore_singletons  # noqa: F401
from hydra.types import HydraContext, RunMode

from lrlab.config.hydra_compat import Hydra, create_config_search_path
from lrlab.sweeper.plan import SweepPlan, plan_sweep
from lrlab.sweeper.search.grammar import parse_space
from lrlab.sweeper.search.strategy import SearchStrategy, is_exhaustive
from lrlab.sweeper.settings import Settings
from lrlab.sweeper.study.queue import Queue
from lrlab.sweeper.study.storage import Storage, parse
from tests.multirun import multirun, own_folder  # noqa: F401
from tests.postgres import postgresql, postgresql_server  # noqa: F401

SearchFactory = Callable[..., SearchStrategy]
Planner = Callable[..., SweepPlan]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return parse(None, tmp_path)


@pytest.fixture
def queue(storage: Storage) -> Queue:
    """The queue of a new study that minimizes one number."""
    optuna.create_study(storage=storage.open(), study_name="s")
    return Queue(storage, "s")


@pytest.fixture
def search() -> SearchFactory:
    """Make a search over overrides, with one of Optuna's samplers."""

    def make(
        *overrides: str, sampler: str = "RandomSampler", trials: int | None = None, **changes: Any
    ) -> SearchStrategy:
        space = parse_space(OverridesParser.create().parse_overrides(list(overrides)))
        target = f"optuna.samplers.{sampler}"
        settings: dict[str, Any] = {
            "is_exhaustive": is_exhaustive(space, target, trials, ""),
            "sampler_config": {"_target_": target, "seed": 0},
            "pruner_config": {"_target_": "optuna.pruners.NopPruner"},
        }
        return SearchStrategy(space, **(settings | changes))

    return make


@pytest.fixture
def planned(own_folder: None, hydra_restore_singletons: None) -> Planner:  # noqa: F811
    """Plan the sweep of a task of a foreign application, in an empty current directory; its folder is ./sweep."""

    def plan(task: Callable[[Any], Any], *overrides: str, **config: Any) -> SweepPlan:
        hydra.version.setbase("1.3")
        ConfigStore.instance().store(name="minimal_app", node=config)
        application = Hydra.create_main_hydra2("minimal_app", create_config_search_path(None))
        settings = [override for override in overrides if override.lstrip("+").startswith("hydra")]
        arguments = [override for override in overrides if override not in settings]
        composed = application.compose_config(
            "minimal_app", ["hydra/sweeper=lrlab", "hydra.sweep.dir=sweep", *settings], RunMode.MULTIRUN
        )
        GlobalHydra.instance().clear()
        context = HydraContext(config_loader=application.config_loader, callbacks=Callbacks(composed))
        sweeper = {key: value for key, value in composed.hydra.sweeper.items() if not key.startswith("_")}
        return plan_sweep(Settings.read(sweeper), arguments, context, task, composed)

    return plan
