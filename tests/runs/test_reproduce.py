from pathlib import Path

import numpy as np
import pytest
import yaml

from lrlab.errors import InputError
from lrlab.runs.history import CURVE
from lrlab.runs.loop import RecordedTraining, training_loop
from lrlab.runs.recorder import moved_paths
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


@pytest.fixture
def trained_on_a_table(tracker: MemoryTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The run of a training on t.csv in the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LRLAB_DATA", str(tmp_path / "cache"))
    Path("t.csv").write_text("a,label\n" + "".join(f"{i},{i % 2}\n" for i in range(30)))
    wanted = make(composed("data=table", "data.path=t.csv", "data.target=label", "batch_size=6", "epochs=2"))
    with training_loop(tracker) as loop:
        training = loop.start(wanted, wanted.new_population(wanted.data.load(), width=1, microbatch=6), name="train")
        while loop.open:
            loop.train_epoch()
    return training.run_id


@pytest.mark.parametrize("change", [("3,1", "4,1"), ("3,1", "3,0"), ("29,1\n", ""), ("a,label\n", "a,label\n7,1\n")])
def test_data_that_have_changed_are_refused_and_nothing_is_trained(
    tracker: MemoryTracker, trained_on_a_table: str, change: tuple[str, str]
) -> None:
    Path("t.csv").write_text(Path("t.csv").read_text().replace(*change))
    said = rf"^data of run {trained_on_a_table} have changed: the digest of \S*/t\.csv is \w{{16}}, was \w{{16}}$"
    with pytest.raises(InputError, match=said):
        reproduce(tracker, trained_on_a_table, lambda result, total: None)
    assert list(tracker.files) == [trained_on_a_table]


def test_data_that_have_moved_are_found_where_it_is_said(
    tracker: MemoryTracker, trained_on_a_table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")  # the path is on record as an absolute one
    folder = Path(yaml.safe_load(tracker.get_run(trained_on_a_table).config)["data"]["path"]).parent
    assert reproduce(tracker, trained_on_a_table, lambda result, total: None).verdict == "identical"
    (folder / "t.csv").rename(folder / "other.csv")
    with pytest.raises(InputError, match=r"t\.csv: there is no such file"):
        reproduce(tracker, trained_on_a_table, lambda result, total: None)
    moved = {"data.path": str(folder / "other.csv")}
    assert reproduce(tracker, trained_on_a_table, lambda result, total: None, moved=moved).verdict == "identical"


def test_only_paths_of_the_data_can_be_given_anew(tracker: MemoryTracker, trained_on_a_table: str) -> None:
    assert moved_paths(["data.path=a=b", "data.test_path=c"]) == {"data.path": "a=b", "data.test_path": "c"}
    for wrong in ("data.target=a", "epochs=3", "data.path=", "x"):
        with pytest.raises(InputError, match=r"^RUN can be followed by data\.path=PATH and data\.test_path=PATH, got "):
            moved_paths([wrong])
    digits = record(tracker, 1).run_id
    with pytest.raises(InputError, match=rf"data\.path is no path of the data of run {digits}, which is digits"):
        reproduce(tracker, digits, lambda result, total: None, moved={"data.path": "t.csv"})


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
