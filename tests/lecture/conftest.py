from dataclasses import replace

import pytest

from lrlab.data.datasets import Digits
from lrlab.lecture import landscapes, newton, regularization, scaling
from lrlab.lecture.desk import Desk
from lrlab.lecture.scale import SCALES
from lrlab.tracking.tracker import MemoryTracker
from lrlab.training.environment import limit_blas

SMALL = replace(
    SCALES["digits"],
    whole=Digits(train_size=600, validation=200),
    part=Digits(train_size=600, validation=200),
    few=Digits(train_size=40, validation=100),
    epochs=3,
    long=3,
)


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


@pytest.fixture
def desk(tracker: MemoryTracker) -> Desk:
    limit_blas(1)
    return Desk(SMALL, tracker, tracker.start("lecture"), lambda what, part: None)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Experiments that end soon."""
    monkeypatch.setattr(landscapes, "STEPS", 20)
    monkeypatch.setattr(landscapes, "LRS", (1e-3, 1e-2, 1e-1))
    monkeypatch.setattr(newton, "DESCENT_STEPS", 30)
    monkeypatch.setattr(newton, "INPUTS", (8, 16, 32))
    monkeypatch.setitem(regularization.EPOCHS, "digits", 20)
    monkeypatch.setattr(scaling, "EPOCHS", 1)
