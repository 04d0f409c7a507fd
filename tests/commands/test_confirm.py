"""The interval of a confirmation, and what a registry that fails leaves; test_report.py confirms a real study."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest

from lrlab.commands.confirm import confirm, interval
from lrlab.errors import InputError
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.registry import Registration, Registry
from lrlab.tracking.tags import Tag
from lrlab.training.configuration import from_config
from tests.commands.test_candidates import study
from tests.config.test_compose_all import composed


def test_an_interval_has_the_chance_of_the_seeds_and_of_the_images() -> None:
    low, high = interval(np.array([0.8, 0.8, 0.8]), images=400)
    assert (high - low) / 2 == pytest.approx(1.959964 * math.sqrt(0.8 * 0.2 / 400))
    low, high = interval(np.array([0.79, 0.81]), images=10**12)
    assert (high - low) / 2 == pytest.approx(12.7062 * 0.01, rel=1e-4)  # Student's t of one degree of freedom
    assert interval(np.array([1.0, 1.0]), images=50) == (1.0, 1.0)


def test_an_interval_covers_the_accuracy_that_was_simulated() -> None:
    rng, covered = np.random.default_rng(0), 0
    for _ in range(400):
        split = 0.02 * rng.standard_normal()  # of these 400 images, the same for every seed: sqrt(0.8 * 0.2 / 400)
        low, high = interval(0.8 + split + 0.01 * rng.standard_normal(5), images=400)
        covered += low <= 0.8 <= high
    assert 0.92 <= covered / 400 <= 0.99


class LostRegistry(Registry):
    """A registry that is there before the training, and fails after it."""

    def check(self) -> None:
        pass

    def register(self, *arguments: object) -> Registration:
        raise RuntimeError("the disk\nis full")


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


@pytest.fixture
def searched(tracker: MemoryTracker) -> Any:
    """A study of one trial on a few of the digits."""
    overrides = ("data.train_size=64", "batch_size=16", "optimizer=sgd", "epochs=1")
    return study(tracker, from_config(composed(*overrides)), "minimize", (0.1, 0, 1.0))


def runs(tracker: MemoryTracker) -> dict[str, str]:
    """The name of every run but the search's, with its status."""
    records = [tracker.get_run(run_id) for run_id in tracker.files]
    return {record.name: record.status for record in records if record.name != "trial"}


def test_a_registry_that_fails_at_the_end_leaves_the_result_and_the_weights(
    tracker: MemoryTracker, searched: Any
) -> None:
    lost = LostRegistry(None, "outputs")
    found = confirm(searched, tracker, seeds=2, top=1, registry=lost, watch=lambda done, total: None)
    assert found.test_accuracy > 0
    assert found.model is None
    (kept,) = [run_id for run_id, files in tracker.files.items() if "weights.npz" in files]
    assert found.registry == f"the model is not registered: the disk is full; weights.npz is with run {kept}"
    assert set(runs(tracker).values()) == {"FINISHED"}
    assert "test accuracy" in tracker.get_run(found.run_id).tags[Tag.NOTE]


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "nosuch://place"])
def test_a_registry_that_cannot_be_reached_is_refused_before_the_training(
    tracker: MemoryTracker, searched: Any, uri: str
) -> None:
    with pytest.raises(InputError, match=r"^tracking\.uri must name a store with a model registry \([^\n]*\)$"):
        confirm(searched, tracker, seeds=2, top=1, registry=Registry(uri, "outputs"), watch=lambda done, total: None)
    assert runs(tracker) == {}


def test_a_study_of_several_objectives_is_refused(tracker: MemoryTracker) -> None:
    several = optuna.create_study(study_name="s", directions=["minimize", "minimize"])
    registry = Registry(None, "outputs")
    with pytest.raises(InputError, match="study must have one objective"):
        confirm(several, tracker, seeds=2, top=1, registry=registry, watch=lambda done, total: None)


def test_what_does_not_classify_is_refused_before_it_is_trained(tracker: MemoryTracker) -> None:
    config = from_config(composed("method=test_function", "method.steps=2"))
    searched = study(tracker, config, "minimize", (0.1, 0, 1.0))
    before = runs(tracker)
    with pytest.raises(InputError, match=r"^study must be of a method that classifies"):
        confirm(searched, tracker, seeds=2, top=1, registry=LostRegistry(None, "."), watch=lambda done, total: None)
    assert runs(tracker) == before


def test_data_that_have_changed_since_the_search_are_refused_before_the_training(
    tracker: MemoryTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LRLAB_DATA", str(tmp_path / "cache"))
    Path("t.csv").write_text("a,label\n" + "".join(f"{i},{i % 2}\n" for i in range(30)))
    overrides = ("data=table", "data.path=t.csv", "data.target=label", "batch_size=6", "optimizer=sgd", "epochs=1")
    searched = study(tracker, from_config(composed(*overrides)), "minimize", (0.1, 0, 1.0))
    Path("t.csv").write_text(Path("t.csv").read_text().replace("7,1", "7,0"))
    registry = LostRegistry(None, "outputs")
    with pytest.raises(InputError, match=r"^data of run \S+ have changed: the digest of \S*/t\.csv is \w+, was \w+$"):
        confirm(searched, tracker, seeds=2, top=1, registry=registry, watch=lambda done, total: None)
    assert runs(tracker) == {}
