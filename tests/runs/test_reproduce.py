import numpy as np
import pytest

from lrlab.errors import InputError
from lrlab.runs.history import CURVE
from lrlab.runs.loop import RecordedTraining, training_loop
from lrlab.runs.reproduce import compare, reproduce
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.tags import Tag
from lrlab.training.configuration import from_config as make
from tests.config.test_compose_all import composed

EPOCHS, UPDATES = 4, 14  # four in an epoch


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


def record(tracker: MemoryTracker, epochs: int, lr: float = 0.1, evaluate: str = "epoch") -> RecordedTraining:
    """A training on the digits that was pruned after some epochs, or ended by itself, inside its last pass."""
    overrides = ("data.train_size=64", "batch_size=16", "optimizer=sgd", f"optimizer.lr={lr}", f"evaluate={evaluate}")
    wanted = make(composed(f"updates={UPDATES}", *overrides))
    population = wanted.new_population(wanted.data.load(), width=3, microbatch=8)
    with training_loop(tracker) as loop:
        training = loop.start(wanted, population, name="trial 1", slot=1)
        for _ in range(epochs):
            loop.train_epoch()
        if loop.open:
            loop.end(training, "KILLED")
    return training


@pytest.mark.parametrize("evaluate", ["epoch", "log"])
@pytest.mark.parametrize("epochs", [1, 2, EPOCHS])
def test_exactly_the_recorded_epochs_are_trained_again(tracker: MemoryTracker, epochs: int, evaluate: str) -> None:
    training, watched = record(tracker, epochs, evaluate=evaluate), []
    assert tracker.get_run(training.run_id).metrics["updates"][-1] == (epochs, min(4 * epochs, UPDATES))
    assert (CURVE in tracker.get_run(training.run_id).metrics) == (evaluate == "log")
    found = reproduce(tracker, training.run_id, lambda result, total: watched.append((result.epoch, total)))
    again = tracker.get_run(found.new_run_id)
    assert (found.verdict, found.max_abs_difference, found.environment_changes) == ("identical", 0, {})
    assert watched == [(epoch, epochs) for epoch in range(1, epochs + 1)]
    assert again.metrics == tracker.get_run(training.run_id).metrics
    assert (again.status, again.tags[Tag.REPLAY_OF]) == ("FINISHED", training.run_id)
    assert found.metrics == {name: points[-1][1] for name, points in again.metrics.items()}


def test_a_divergence_is_repeated(tracker: MemoryTracker) -> None:
    training = record(tracker, 1, lr=1e38)
    found = reproduce(tracker, training.run_id, lambda result, total: None)
    assert (training.diverged, found.verdict) == (True, "identical")
    assert tracker.get_run(found.new_run_id).status == "FAILED"


def test_what_is_no_training_is_refused(tracker: MemoryTracker) -> None:
    parent = tracker.create_run("sweep")
    with pytest.raises(InputError, match=rf"^run_id must name a training run of lrlab's, got {parent} \(sweep\)"):
        reproduce(tracker, parent, lambda result, total: None)


@pytest.mark.parametrize("curve", [False, True])
def test_a_run_without_an_epoch_is_refused_and_not_trained(tracker: MemoryTracker, curve: bool) -> None:
    training = record(tracker, 0, evaluate="log")
    if curve:  # it was killed between the losses inside its first epoch and the epoch's end
        tracker.log_metrics(training.run_id, 2, {CURVE: 2.3})
    said = rf"^run_id must name a run that recorded an epoch to compare with, got {training.run_id} \(trial 1\)$"
    with pytest.raises(InputError, match=said):
        reproduce(tracker, training.run_id, lambda result, total: None)
    assert list(tracker.files) == [training.run_id]  # no other run was made


@pytest.mark.parametrize(
    ("new", "verdict", "difference"),
    [
        ([1.0, float("nan")], "identical", 0.0),
        ([1.001, float("nan")], "within_tolerance", 0.001),
        ([1.1, float("nan")], "differs", 0.1),
        ([1.0, 5.0], "differs", np.inf),
        ([1.0], "differs", np.inf),
    ],
)
def test_compare(new: list[float], verdict: str, difference: float) -> None:
    old = {"a": list(enumerate([1.0, float("nan")], start=1))}
    found = compare(old, {"a": list(enumerate(new, start=1))})
    assert found[0] == verdict
    assert found[1] == pytest.approx(difference, abs=1e-12)
