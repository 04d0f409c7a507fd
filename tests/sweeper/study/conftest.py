"""Storages without a study of the name that the tests use."""

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from lrlab.sweeper.study.storage import Storage, parse


@pytest.fixture
def storage_at(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Storage]:
    """Return what makes a storage of an address, or of "postgresql", a server that the tests start."""

    def make(address: str) -> Storage:
        if address != "postgresql":
            return parse(address, tmp_path)
        storage = parse(request.getfixturevalue("postgresql"), tmp_path)
        if "s" in optuna.get_all_study_names(storage.open()):
            optuna.delete_study(study_name="s", storage=storage.open())
        return storage

    return make
