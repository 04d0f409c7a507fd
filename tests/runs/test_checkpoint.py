import numpy as np
import pytest

from lrlab.core.optimizer import SGD, Adam, AdamW, Momentum, RMSprop
from lrlab.core.schedule import Cosine
from lrlab.runs import checkpoint
from lrlab.runs.checkpoint import discard, load, save
from lrlab.training.population import StackedPopulation

SEED = 7
OPTIMIZERS = (SGD(lr=0.1), Momentum(lr=0.03), RMSprop(lr=0.003), Adam(lr=0.01), AdamW(lr=0.01, weight_decay=0.2))


def population(dataset, plain, first_epoch=0):
    return StackedPopulation(dataset, plain.model, plain.loss, width=3, microbatch=8, first_epoch=first_epoch)


def never(message):
    raise AssertionError(message)


@pytest.fixture
def halfway(tmp_path, dataset, experiment):
    """A member in company after three of six epochs, its checkpoints, and what it would come to."""
    plain = experiment(epochs=6)
    cohort = population(dataset, plain)
    member = cohort.admit(plain)
    history = {"val/loss": []}
    for _ in range(3):
        (event,) = cohort.train_epoch()
        history["val/loss"].append((event.epoch, event.metrics["val/loss"]))
        save(tmp_path, "run", cohort, member, history)
    return tmp_path


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda each: type(each).__name__)
def test_training_goes_on_to_the_bit(tmp_path, dataset, experiment, optimizer):
    plain = experiment(epochs=5, optimizer=optimizer, schedule=Cosine(warmup=0.3), batch_size=24)
    cohort = population(dataset, plain)
    cohort.admit(experiment(epochs=9))
    cohort.train_epoch()
    member = cohort.admit(plain)
    curve = {}
    for epoch in range(1, 6):
        for event in cohort.train_epoch():
            if event.member is member:
                curve[epoch] = event.metrics
        if epoch == 2:
            save(tmp_path, "run", cohort, member, {"nan": [(1, float("nan")), (2, 0.1 + 0.2)]})
    found = load(tmp_path, "run", never)
    assert (found.slot, found.width, found.microbatch, found.shuffles) == (1, 3, 8, 3)
    assert str(found.history) == str({"nan": [(1, float("nan")), (2, 0.1 + 0.2)]})
    later = population(dataset, plain, found.shuffles)
    again = later.admit(plain, found.slot)
    found.restore(again)
    assert (again.first_epoch, again.epoch) == (1, 2)
    for epoch in range(3, 6):
        (event,) = later.train_epoch()
        assert event.metrics == curve[epoch]
    assert again.finished
    for name, array in member.weights().items():
        np.testing.assert_array_equal(again.weights()[name], array)


def test_an_alteration_anywhere_is_noticed_and_the_one_before_is_taken(halfway):
    print(f"seed {SEED}")
    rng = np.random.default_rng(SEED)
    path = halfway / "run.npz"
    sound = path.read_bytes()
    assert load(halfway, "run", never).epoch == 3
    for place in rng.integers(len(sound), size=100):
        altered = bytearray(sound)
        altered[place] ^= 1 << rng.integers(8)
        path.write_bytes(altered)
        said = []
        assert load(halfway, "run", said.append).epoch == 2
        assert said == [f"checkpoint {path} is damaged: its SHA-256 is another one"]


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 1000])
def test_a_torn_file_is_noticed(halfway, size):
    path = halfway / "run.npz"
    path.write_bytes(path.read_bytes()[:size])
    said = []
    assert load(halfway, "run", said.append).epoch == 2
    assert len(said) == 1


def test_without_a_sound_one_there_is_none(halfway):
    for path in halfway.glob("*.npz"):
        path.write_bytes(b"x" * 100)
    said = []
    assert load(halfway, "run", said.append) is None
    assert len(said) == 2
    assert load(halfway, "another", never) is None


def test_one_killed_between_two_renames_is_found(halfway):
    (halfway / "run.npz").rename(halfway / "run.before.npz")
    assert load(halfway, "run", never).epoch == 3


def test_a_training_that_is_over_leaves_nothing(halfway):
    discard(halfway, "run")
    discard(halfway, "run")
    assert list(halfway.iterdir()) == []


def test_a_full_disk_leaves_the_older_ones(halfway, dataset, experiment, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    cohort = population(dataset, experiment())
    member = cohort.admit(experiment())
    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(ValueError, match="No space left"):
        save(halfway, "run", cohort, member, {})
    assert load(halfway, "run", never).epoch == 3
    assert {path.name for path in halfway.iterdir()} == {"run.npz", "run.before.npz"}


def test_a_member_that_cannot_go_on_elsewhere_has_none(tmp_path, dataset, experiment):
    class Learner:
        slot = first_epoch = epoch = 0

    save(tmp_path, "run", population(dataset, experiment()), Learner(), {})
    assert list(tmp_path.iterdir()) == []
