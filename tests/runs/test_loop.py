"""The training loop, in memory: what is on record however a training ends."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lrlab.core.optimizer import SGD
from lrlab.data.dataset import Dataset
from lrlab.runs import checkpoint
from lrlab.runs.history import CURVE, MetricHistory
from lrlab.runs.loop import RecordedTraining, training_loop
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.tags import Tag
from lrlab.training.experiment import Experiment, Population
from tests.training.single import single, train_epochs

Make = Callable[..., Experiment]
MICROBATCH = 8


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


@pytest.fixture
def population(dataset: Dataset, experiment: Make) -> Population:
    return experiment().new_population(dataset, width=4, microbatch=MICROBATCH)


def test_every_training_ends_after_its_own_epochs_with_its_own_curve(
    tracker: MemoryTracker, population: Population, experiment: Make
) -> None:
    ended: list[str] = []
    with training_loop(tracker, on_end=lambda training: ended.append(training.run_id)) as loop:
        wanted = [experiment(epochs=epochs, optimizer=SGD(lr=0.1 * epochs)) for epochs in (3, 1, 2)]
        started = [loop.start(each, population, name=f"{each.epochs} epochs") for each in wanted]
        while loop.open:
            loop.train_epoch()
    assert ended == [started[1].run_id, started[2].run_id, started[0].run_id]
    for training, expected in zip(started, wanted, strict=True):
        run = tracker.get_run(training.run_id)
        alone = single(expected, population.dataset, width=4, slot=training.member.slot, microbatch=MICROBATCH)
        curve = [result.metrics for result in train_epochs(alone)]
        assert (run.name, run.status) == (f"{expected.epochs} epochs", "FINISHED")
        assert run.metrics == training.history.points
        assert [value for _, value in run.metrics["val/loss"]] == [metrics["val/loss"] for metrics in curve]
        assert run.tags[Tag.LEARNING_RATE] == training.diagnosis != ""


def test_a_divergence_fails_its_run_alone_and_is_tagged(
    tracker: MemoryTracker, population: Population, experiment: Make
) -> None:
    with training_loop(tracker) as loop:
        diverging = loop.start(experiment(epochs=3, optimizer=SGD(lr=1e300)), population, name="diverging")
        converging = loop.start(experiment(epochs=3), population, name="converging")
        while loop.open:
            loop.train_epoch()
    assert tracker.get_run(diverging.run_id).status == "FAILED"
    assert tracker.get_run(diverging.run_id).tags[Tag.DIVERGED] == "true"
    assert (diverging.diverged, len(diverging.history.values("val/loss"))) == (True, 1)
    assert tracker.get_run(converging.run_id).status == "FINISHED"
    assert Tag.DIVERGED not in tracker.get_run(converging.run_id).tags
    assert len(converging.history.values("val/loss")) == 3


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt, "KILLED"), (SystemExit, "KILLED"), (ZeroDivisionError, "FAILED")]
)
def test_no_run_stays_open_however_the_loop_is_left(
    tracker: MemoryTracker, population: Population, experiment: Make, error: type[BaseException], status: str
) -> None:
    started: list[RecordedTraining] = []

    def leave() -> None:
        with training_loop(tracker) as loop:
            started.extend(loop.start(experiment(epochs=epochs), population, name="run") for epochs in (1, 3))
            loop.train_epoch()
            raise error

    with pytest.raises(error):
        leave()
    assert [tracker.get_run(training.run_id).status for training in started] == ["FINISHED", status]
    assert len(tracker.get_run(started[1].run_id).metrics["val/loss"]) == 1


def test_an_error_while_a_training_is_kept_fails_its_run(
    tracker: MemoryTracker, population: Population, experiment: Make
) -> None:
    def full(training: RecordedTraining) -> None:
        raise OSError(28, "No space left on device")

    started: list[RecordedTraining] = []

    def train() -> None:
        with training_loop(tracker, on_end=full) as loop:
            started.append(loop.start(experiment(epochs=1), population, name="run"))
            loop.train_epoch()

    with pytest.raises(OSError, match="No space left"):
        train()
    assert tracker.get_run(started[0].run_id).status == "FAILED"


def test_a_member_keeps_its_slot_until_its_population_goes_on(
    tracker: MemoryTracker, population: Population, experiment: Make
) -> None:
    with training_loop(tracker) as loop:
        first = loop.start(experiment(epochs=1), population, name="first")
        second = loop.start(experiment(epochs=2), population, name="second")
        loop.train_epoch()
        assert list(population.members) == [first.member, second.member]
        loop.train_epoch()
        assert list(population.members) == [second.member]
    assert set(population.test(second.member)) == {"test/loss", "test/accuracy"}


@pytest.mark.parametrize("same_run", [True, False])
def test_an_interrupted_training_goes_on_to_the_bit(
    tmp_path: Path,
    tracker: MemoryTracker,
    dataset: Dataset,
    experiment: Make,
    same_run: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checkpoint, "INTERVAL", 0)
    wanted = experiment(updates=60, evaluate="log")  # 13 in an epoch
    results = list(train_epochs(single(wanted, dataset)))
    whole = [result.metrics for result in results]
    curve = [point for result in results for point in result.curve]

    def population(first_epoch: int = 0) -> Population:
        return wanted.new_population(dataset, width=1, microbatch=wanted.batch_size, first_epoch=first_epoch)

    stopped: list[RecordedTraining] = []

    def stop() -> None:
        with training_loop(tracker, checkpoints=tmp_path) as loop:
            stopped.append(loop.start(wanted, population(), name="run"))
            loop.train_epoch()
            loop.train_epoch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    run_id = stopped[0].run_id
    interrupted = checkpoint.load(tmp_path, run_id)
    assert interrupted is not None
    assert (interrupted.epoch, interrupted.shuffles) == (2, 2)
    for updates, loss in results[2].curve[:1]:  # recorded, but not in the checkpoint
        tracker.log_metrics(run_id, updates, {CURVE: loss})
    tracker.log_metrics(run_id, 3, {"val/loss": whole[2]["val/loss"]})
    with training_loop(tracker, checkpoints=tmp_path) as loop:
        later = population(interrupted.shuffles)
        if same_run:
            recorded = MetricHistory(tracker.get_run(run_id).metrics)
            again = loop.resume(run_id, wanted, later, slot=0, interrupted=interrupted, recorded=recorded)
        else:
            again = loop.start(wanted, later, name="again", slot=0, interrupted=interrupted, earlier_runs=[run_id])
        while loop.open:
            loop.train_epoch()
    run = tracker.get_run(again.run_id)
    assert run.metrics["val/loss"] == [(epoch, metrics["val/loss"]) for epoch, metrics in enumerate(whole, start=1)]
    assert run.metrics["updates"] == list(enumerate([13, 26, 39, 52, 60], start=1))
    assert run.metrics[CURVE] == again.history.points[CURVE] == curve
    assert again.history.values("train/loss") == [metrics["train/loss"] for metrics in whole]
    assert list(tmp_path.iterdir()) == []
