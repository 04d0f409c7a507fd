import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrlab.core.optimizer import SGD, Adam, AdamW, Momentum, RMSprop
from lrlab.core.schedule import Cosine
from lrlab.runs import checkpoint
from lrlab.runs.checkpoint import Checkpoint, discard, save
from lrlab.runs.history import MetricHistory
from lrlab.training.population import StackedPopulation

SEED = 7
OPTIMIZERS = (SGD(lr=0.1), Momentum(lr=0.03), RMSprop(lr=0.003), Adam(lr=0.01), AdamW(lr=0.01, weight_decay=0.2))


def population(dataset, wanted, first_epoch=0):
    return StackedPopulation(dataset, wanted.model, wanted.loss, width=3, microbatch=8, first_epoch=first_epoch)


def load(folder: Path, name: str = "run") -> Checkpoint:
    found = checkpoint.load(folder, name)
    assert found is not None
    return found


@pytest.fixture
def halfway(tmp_path, dataset, experiment):
    """The folder with the checkpoints of a member after three of six epochs."""
    wanted = experiment(epochs=6)
    members = population(dataset, wanted)
    member = members.admit(wanted)
    history = MetricHistory()
    for _ in range(3):
        (event,) = members.train_epoch()
        history.append(event.epoch, event.metrics)
        save(tmp_path, "run", members, member, history)
    return tmp_path


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda each: type(each).__name__)
def test_training_goes_on_to_the_bit(tmp_path, dataset, experiment, optimizer):
    wanted = experiment(epochs=5, optimizer=optimizer, schedule=Cosine(warmup=0.3), batch_size=24)
    members = population(dataset, wanted)
    members.admit(experiment(epochs=9))
    members.train_epoch()
    member = members.admit(wanted)
    curve = {}
    for epoch in range(1, 6):
        for event in members.train_epoch():
            if event.member is member:
                curve[epoch] = event.metrics
        if epoch == 2:
            save(tmp_path, "run", members, member, MetricHistory({"nan": [(1, float("nan")), (2, 0.1 + 0.2)]}))
    found = load(tmp_path)
    assert (found.slot, found.width, found.microbatch, found.shuffles) == (1, 3, 8, 3)
    assert str(found.history.points) == str({"nan": [(1, float("nan")), (2, 0.1 + 0.2)]})
    later = population(dataset, wanted, found.shuffles)
    again = later.admit(wanted, found.slot)
    found.restore(again)
    assert (again.first_epoch, again.epoch) == (1, 2)
    for epoch in range(3, 6):
        (event,) = later.train_epoch()
        assert event.metrics == curve[epoch]
    assert again.finished
    for name, array in member.weights().items():
        np.testing.assert_array_equal(again.weights()[name], array)


def test_an_alteration_anywhere_is_noticed_and_the_one_before_is_taken(halfway, caplog):
    print(f"seed {SEED}")
    rng = np.random.default_rng(SEED)
    path = halfway / "run.npz"
    sound = path.read_bytes()
    assert load(halfway).epoch == 3
    for place in rng.integers(len(sound), size=100):
        altered = bytearray(sound)
        altered[place] ^= 1 << rng.integers(8)
        path.write_bytes(altered)
        caplog.clear()
        assert load(halfway).epoch == 2
        assert caplog.messages == [f"checkpoint {path} is damaged: its SHA-256 is another one"]


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 1000])
def test_a_torn_file_is_noticed(halfway, size, caplog):
    path = halfway / "run.npz"
    path.write_bytes(path.read_bytes()[:size])
    assert load(halfway).epoch == 2
    assert len(caplog.messages) == 1


def test_without_a_sound_one_there_is_none(halfway, caplog):
    for path in halfway.glob("*.npz"):
        path.write_bytes(b"x" * 100)
    assert checkpoint.load(halfway, "run") is None
    assert len(caplog.messages) == 2
    assert checkpoint.load(halfway, "another") is None
    assert len(caplog.messages) == 2


def test_one_killed_between_two_renames_is_found(halfway):
    (halfway / "run.npz").rename(halfway / "run.before.npz")
    assert load(halfway).epoch == 3


def test_a_training_that_is_over_leaves_nothing(halfway):
    discard(halfway, "run")
    discard(halfway, "run")
    assert list(halfway.iterdir()) == []


def test_a_full_disk_leaves_the_older_ones(halfway, dataset, experiment, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    members = population(dataset, experiment())
    member = members.admit(experiment())
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ValueError, match="No space left"):
        save(halfway, "run", members, member, MetricHistory())
    assert load(halfway).epoch == 3
    assert {path.name for path in halfway.iterdir()} == {"run.npz", "run.before.npz"}


def test_a_member_that_cannot_go_on_elsewhere_has_none(tmp_path, dataset, experiment):
    class Learner:
        slot = first_epoch = epoch = 0

    learner: Any = Learner()

    save(tmp_path, "run", population(dataset, experiment()), learner, MetricHistory())
    assert list(tmp_path.iterdir()) == []
