from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.extra.pytest_plugin import hydra_restore_singletons  # noqa: F401

from lrlab.sweep.search.space import parse_space
from lrlab.sweep.search.strategy import SearchStrategy, is_exhaustive
from lrlab.sweep.study.queue import Queue
from lrlab.sweep.study.storage import Storage, parse
from tests.multirun import multirun, own_folder  # noqa: F401

SearchFactory = Callable[..., SearchStrategy]


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
