from dataclasses import replace

import numpy as np
import pytest

from lrlab.core.model import MLP
from lrlab.core.neighbours import KNN
from lrlab.core.optimizer import SGD
from lrlab.core.regularizer import L2
from lrlab.data.digits import Digits
from lrlab.data.spirals import Spirals
from lrlab.lecture.chapters.adam import Uncorrected
from lrlab.lecture.chapters.momentum import Velocity
from lrlab.lecture.presets import PRESETS
from lrlab.lecture.trainer import ChapterTrainer, best
from lrlab.runs.recorder import config_of
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.training.configuration import from_record
from lrlab.training.methods.knn import NearestNeighbours
from lrlab.training.methods.newton import Newton
from lrlab.training.methods.test_function import FunctionDescent
from tests.training.single import single, train_epochs


def test_trains_a_mixture_in_order(trainer: ChapterTrainer, tracker: MemoryTracker) -> None:
    plain = trainer.preset.experiment()
    wanted = [
        replace(plain, optimizer=SGD(0.01)),
        replace(plain, model=MLP([5])),
        replace(plain, data=Spirals(), epochs=2),
        replace(plain, optimizer=SGD(1e38)),
        replace(plain, method=Newton(), regularizer=L2(0.01)),
        replace(plain, method=NearestNeighbours(), model=KNN(3)),
        replace(plain, optimizer=SGD(0.1), batch_size=64),
    ]
    trained = trainer.train("mixture", wanted, test=True)
    assert [run.experiment for run in trained] == wanted
    for run in trained:
        record = tracker.get_run(run.run_id)
        assert (record.name, record.parent) == ("mixture", tracker.get_run(run.run_id).parent)
        assert record.status == ("FAILED" if run is trained[3] else "FINISHED")
        assert from_record(config_of(record)) == run.experiment
        for name, values in run.history.items():
            np.testing.assert_array_equal([value for _, value in record.metrics[name]], values)
        assert set(run.tested) == {"test/loss", "test/accuracy"}
        assert record.metrics["test/accuracy"] == [(len(run.history["val/loss"]), run.tested["test/accuracy"])]
    assert len(trained[3].history["val/loss"]) == 1
    assert trained[3].last("val/loss") == np.inf
    assert len(trained[2].history["val/loss"]) == 2


def test_a_training_has_the_curve_it_has_alone(trainer: ChapterTrainer) -> None:
    plain = trainer.preset.experiment(dtype="float64")
    together = trainer.train("together", [replace(plain, optimizer=SGD(lr)) for lr in (0.01, 0.1, 1.0)])
    alone = [event.metrics for event in train_epochs(single(together[1].experiment, trainer.load(plain.data)))]
    for name in ("train/loss", "val/loss", "val/accuracy", "weight_norm"):
        np.testing.assert_allclose(together[1].history[name], [metrics[name] for metrics in alone], rtol=1e-10)


def test_groups_come_back_by_name(trainer: ChapterTrainer) -> None:
    plain = trainer.preset.experiment(epochs=1)
    groups = {
        name: [replace(plain, optimizer=SGD(lr)) for lr in lrs] for name, lrs in (("a", (0.1, 0.2)), ("b", (0.3,)))
    }
    trained = trainer.train_groups("groups", groups)
    assert {name: [run.experiment for run in runs] for name, runs in trained.items()} == groups


def test_the_watcher_is_told_of_every_epoch_of_every_population(tracker: MemoryTracker) -> None:
    told: list[tuple[str, float]] = []
    trainer = ChapterTrainer(PRESETS["digits"], tracker, "lecture", lambda what, part: told.append((what, part)))
    plain = trainer.preset.experiment(data=Digits(train_size=64, validation=50))
    trainer.train(
        "two", [replace(plain, epochs=2), replace(plain, epochs=4), replace(plain, epochs=2, optimizer=SGD(0.3))]
    )
    assert told == [("two", part) for part in (0.25, 0.5, 0.625, 0.75, 0.875, 1.0)]


def test_data_is_loaded_once(trainer: ChapterTrainer) -> None:
    loaded = trainer.load(Digits(train_size=64))
    assert trainer.load(Digits(train_size=64)) is loaded
    assert len(trainer.load(Digits(train_size=32)).train) == 32


def test_best(trainer: ChapterTrainer) -> None:
    several = trainer.train("several", [trainer.preset.experiment(optimizer=SGD(lr)) for lr in (1e-6, 0.1, 1e38)])
    assert best(several) is several[1]
    assert best(several, "train/loss") is several[1]


@pytest.mark.parametrize("optimizer", [Velocity(), Uncorrected()], ids=str)
def test_optimizers_of_the_lecture_are_on_record_too(
    trainer: ChapterTrainer, tracker: MemoryTracker, optimizer: object
) -> None:
    (run,) = trainer.train("own", [trainer.preset.experiment(method=FunctionDescent(steps=2), optimizer=optimizer)])
    record = config_of(tracker.get_run(run.run_id))
    assert from_record(record, allow=["lrlab.lecture."]) == run.experiment
