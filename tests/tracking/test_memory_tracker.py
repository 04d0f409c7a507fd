"""What a tracker in memory does beyond the contract of test_tracker.py."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tracking.memory_tracker import Memory, MemoryTracker
from lrlab.tracking.tracker import Tracking


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


def test_a_record_that_was_read_stays_as_it_was(tracker: MemoryTracker) -> None:
    run_id = tracker.create_run("run", tags={"a": "1"}, config="x: 1\n")
    tracker.log_metrics(run_id, 0, {"loss": 1})
    before = tracker.get_run(run_id)
    copy = replace(before, tags=dict(before.tags), metrics={"loss": list(before.metrics["loss"])})
    tracker.log_metrics(run_id, 1, {"loss": 2, "lr": 0.1})
    tracker.set_tags(run_id, {"a": "2"})
    tracker.log_artifacts(run_id, {"config.yaml": b"x: 2\n"})
    tracker.end_run(run_id, "KILLED")
    assert before == copy


def test_what_a_reader_does_with_a_record_changes_no_run(tracker: MemoryTracker) -> None:
    run_id = tracker.create_run("run", params={"x": 1}, tags={"a": "1"})
    tracker.log_metrics(run_id, 0, {"loss": 1})
    expected, read = tracker.get_run(run_id), tracker.get_run(run_id)
    read.params.clear()
    read.tags["a"] = "spoiled"
    read.metrics["loss"].append((1, 2.0))
    assert tracker.get_run(run_id) == expected


def test_what_a_writer_does_with_its_arguments_later_changes_no_run(tracker: MemoryTracker) -> None:
    tags, files = {"a": "1"}, {"weights.npz": b"1"}
    run_id = tracker.create_run("run", tags=tags)
    tracker.log_artifacts(run_id, files)
    tags["a"], files["weights.npz"] = "spoiled", b"spoiled"
    assert tracker.get_run(run_id).tags == {"a": "1"}
    assert tracker.files[run_id] == {"weights.npz": b"1"}


def test_files_are_kept_by_run_and_path_the_newest_of_each(tracker: MemoryTracker) -> None:
    one, other = tracker.create_run("one", config="λ: 1\n"), tracker.create_run("other")
    tracker.log_artifacts(one, {"plots/loss.png": b"old", "weights.npz": b"w"})
    tracker.log_artifacts(one, {"plots/loss.png": b"new"})
    assert tracker.files == {
        one: {"config.yaml": "λ: 1\n".encode(), "plots/loss.png": b"new", "weights.npz": b"w"},
        other: {},
    }


def test_a_step_that_was_logged_twice_keeps_both_values_in_their_order(tracker: MemoryTracker) -> None:
    run_id = tracker.create_run("run")
    for step, value in ((1, 3.0), (0, 9.0), (1, 2.0)):
        tracker.log_metrics(run_id, step, {"loss": value})
    assert tracker.get_run(run_id).metrics["loss"] == [(0, 9.0), (1, 3.0), (1, 2.0)]


@pytest.mark.parametrize(
    "verb",
    [
        lambda tracker, run_id: tracker.get_run(run_id),
        lambda tracker, run_id: tracker.log_metrics(run_id, 0, {"loss": 1.0}),
        lambda tracker, run_id: tracker.log_artifacts(run_id, {"a": b"b"}),
        lambda tracker, run_id: tracker.set_tags(run_id, {"a": "b"}),
        lambda tracker, run_id: tracker.end_run(run_id),
    ],
)
def test_a_run_of_another_tracker_is_refused_and_the_choice_named(
    tracker: MemoryTracker, verb: Callable[[MemoryTracker, str], object]
) -> None:
    run_id = MemoryTracker().create_run("elsewhere")
    with pytest.raises(InputError, match=rf"^run_id '{run_id}' is not in this process's memory \(tracking=none\)$"):
        verb(tracker, run_id)
    assert tracker.files == {}


def test_no_run_is_an_orphan(tracker: MemoryTracker) -> None:
    run_id = tracker.create_run("run", tags={"lrlab.owner": "gone:1:1"})
    assert tracker.close_orphans(["gone"]) == 0
    assert tracker.get_run(run_id).status == "RUNNING"


def test_the_choice_opens_an_empty_tracker_each_time_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    choice = Memory()
    assert isinstance(choice, Tracking)
    choice.verify("/proc/nowhere")
    with choice.open() as first, choice.open("/proc/nowhere") as second:
        first.log_artifacts(first.create_run("run"), {"a": b"b"})
        assert second.files == {}
    assert os.listdir() == []
