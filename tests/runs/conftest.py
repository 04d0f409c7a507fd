"""Experiments whose data can go on record: a few of the digits."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from lrlab.data.dataset import Dataset
from lrlab.data.digits import Digits
from lrlab.training.experiment import Experiment

DATA = Digits(train_size=203, validation=100)


@pytest.fixture
def dataset() -> Dataset:
    return DATA.load()


@pytest.fixture
def experiment(experiment: Callable[..., Experiment]) -> Callable[..., Experiment]:
    plain = replace(experiment(), data=DATA)
    return lambda **changes: replace(plain, **changes)
