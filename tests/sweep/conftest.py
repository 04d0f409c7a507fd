from collections.abc import Callable
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


@pytest.fixture(autouse=True)
def quiet():
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
def search() -> Callable[..., SearchStrategy]:
    """A search over overrides, by a sampler of Optuna's."""

    def make(
        *overrides: str, sampler: str = "RandomSampler", trials: int | None = None, **changes: Any
    ) -> SearchStrategy:
        found = parse_space(OverridesParser.create().parse_overrides(list(overrides)))
        target = f"optuna.samplers.{sampler}"
        settings: dict[str, Any] = {
            "is_exhaustive": is_exhaustive(found, target, trials, ""),
            "sampler_config": {"_target_": target, "seed": 0},
            "pruner_config": {"_target_": "optuna.pruners.NopPruner"},
        }
        return SearchStrategy(found, **(settings | changes))

    return make
