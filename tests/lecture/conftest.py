from dataclasses import replace

import pytest

from lrlab.data.digits import Digits
from lrlab.lecture.chapters import newton, regularization, scaling, test_functions
from lrlab.lecture.presets import PRESETS
from lrlab.lecture.trainer import ChapterTrainer
from lrlab.runtime.environment import limit_blas
from lrlab.tracking.memory_tracker import MemoryTracker

SMALL = replace(
    PRESETS["digits"],
    full_data=Digits(train_size=600, validation=200),
    subset=Digits(train_size=600, validation=200),
    small_subset=Digits(train_size=40, validation=100),
    epochs=3,
    long_epochs=3,
)


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


@pytest.fixture
def trainer(tracker: MemoryTracker) -> ChapterTrainer:
    limit_blas(1)
    return ChapterTrainer(SMALL, tracker, tracker.create_run("lecture"), lambda what, part: None)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Experiments that end soon."""
    monkeypatch.setattr(test_functions, "STEPS", 20)
    monkeypatch.setattr(test_functions, "LRS", (1e-3, 1e-2, 1e-1))
    monkeypatch.setattr(newton, "DESCENT_STEPS", 30)
    monkeypatch.setattr(newton, "INPUTS", (8, 16, 32))
    monkeypatch.setitem(regularization.EPOCHS, "digits", 20)
    monkeypatch.setattr(scaling, "EPOCHS", 1)
