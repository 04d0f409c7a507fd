"""One training on record, and a stopped one that goes on; test_loop.py has the loop below it."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lrlab.config.command_line import HERE, Places
from lrlab.core.model import MLP
from lrlab.data.dataset import Dataset
from lrlab.errors import InputError
from lrlab.lecture.chapters.momentum import Velocity
from lrlab.runs import checkpoint
from lrlab.runs.train import resume, train
from lrlab.runtime.process_id import ProcessId
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.tags import Tag
from lrlab.training.experiment import EpochResult, Experiment
from lrlab.training.methods.test_function import FunctionDescent
from tests.training.single import single, train_epochs

Make = Callable[..., Experiment]
DEAD, ELSEWHERE = (ProcessId.current()._replace(**other) for other in ({"start": 0.0}, {"host": "elsewhere"}))
OF_LRLAB = {Tag.PROVENANCE: '{"environment": {}}'}
NO_TRAINING, OVER = "run_id must name a run of lrlab train", "is over: there is nothing to go on with"
ALLOWED = "recorded by an earlier version"  # what comes after the check


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


def unwatched(result: EpochResult, total: int) -> None:
    pass


def stopped(experiment: Experiment, tracker: MemoryTracker, outputs: Path, after: int) -> str:
    """The run of a training that Ctrl-C ended after some epochs."""

    def stop(result: EpochResult, total: int) -> None:
        if result.epoch == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(experiment, tracker, stop, outputs=str(outputs))
    return list(tracker.files)[-1]


def test_the_outcome_is_the_last_epoch_and_the_run_keeps_what_was_learned(
    experiment: Make, dataset: Dataset, tracker: MemoryTracker, tmp_path: Path
) -> None:
    wanted, watched = experiment(epochs=2), []
    outcome = train(wanted, tracker, lambda *told: watched.append(told), outputs=str(tmp_path), microbatch=8)
    alone = single(wanted, dataset, microbatch=8)
    *_, last = train_epochs(alone)
    run = tracker.get_run(outcome.run_id)
    assert [(result.epoch, total) for result, total in watched] == [(1, 2), (2, 2)]
    assert (outcome.last.epoch, outcome.last.metrics) == (2, last.metrics)
    assert (run.name, run.status, run.tags[Tag.LEARNING_RATE]) == ("train", "FINISHED", outcome.diagnosis)
    assert set(tracker.files[run.run_id]) == {"config.yaml", "weights.npz", "loss_curve.png", "templates.png"}
    with np.load(io.BytesIO(tracker.files[run.run_id]["weights.npz"]), allow_pickle=False) as kept:
        np.testing.assert_array_equal(kept["W1"], alone.members[0].weights()["W1"])


def test_what_does_not_fit_its_data_leaves_no_run(experiment: Make, tracker: MemoryTracker, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^batch_size must be <= 203"):
        train(experiment(batch_size=1024), tracker, unwatched, outputs=str(tmp_path))
    assert tracker.files == {}


@pytest.mark.parametrize(("interval", "resumed"), [(0.0, [3, 4]), (1e9, [1, 2, 3, 4])], ids=["checkpoint", "none"])
def test_a_stopped_run_goes_on_to_the_curve_it_would_have_had(
    experiment: Make, dataset: Dataset, tracker: MemoryTracker, tmp_path: Path, monkeypatch, interval, resumed
) -> None:
    monkeypatch.setattr(checkpoint, "INTERVAL", interval)
    wanted, watched = experiment(epochs=4, model=MLP([8])), []
    run_id = stopped(wanted, tracker, tmp_path, after=2)
    assert (tracker.get_run(run_id).status, len(tracker.get_run(run_id).metrics["lr"])) == ("KILLED", 2)
    tracker.set_tags(run_id, {Tag.OWNER: str(DEAD)})
    outcome = resume(run_id, Places(tmp_path), tracker, lambda result, total: watched.append(result.epoch))
    run, whole = tracker.get_run(run_id), [result.metrics for result in train_epochs(single(wanted, dataset))]
    assert watched == resumed
    assert (outcome.run_id, run.status, run.tags[Tag.OWNER]) == (run_id, "FINISHED", str(ProcessId.current()))
    assert run.metrics == {name: [(i, each[name]) for i, each in enumerate(whole, 1)] for name in whole[0]}
    assert (outcome.last.metrics, outcome.diagnosis) == (whole[-1], run.tags[Tag.LEARNING_RATE])
    assert list(checkpoint.folder(str(tmp_path)).glob("*")) == []


def test_code_of_somebody_else_needs_trust_again(experiment: Make, tracker: MemoryTracker, tmp_path: Path) -> None:
    run_id = stopped(experiment(method=FunctionDescent(steps=2), optimizer=Velocity()), tracker, tmp_path, after=1)
    with pytest.raises(InputError, match=r"^optimizer\._target_ must start with"):
        resume(run_id, Places(tmp_path), tracker, unwatched)
    assert resume(run_id, Places(tmp_path, allow=["lrlab.lecture."]), tracker, unwatched).run_id == run_id


@pytest.mark.parametrize(
    ("status", "tags", "said"),
    [
        ("KILLED", {}, NO_TRAINING),
        ("KILLED", {**OF_LRLAB, Tag.PARENT: "sweep"}, NO_TRAINING),
        ("FINISHED", OF_LRLAB, OVER),
        ("FAILED", {**OF_LRLAB, Tag.DIVERGED: "true"}, OVER),
        ("RUNNING", {**OF_LRLAB, Tag.OWNER: str(ELSEWHERE)}, "may still be running on elsewhere; .* --gone elsewhere$"),
        ("RUNNING", {**OF_LRLAB, Tag.OWNER: str(DEAD)}, ALLOWED),
        ("RUNNING", {**OF_LRLAB, Tag.OWNER: str(ProcessId.current())}, ALLOWED),
        ("KILLED", {**OF_LRLAB, Tag.OWNER: str(ELSEWHERE)}, ALLOWED),
    ],
)
def test_only_a_single_training_that_has_certainly_stopped_goes_on(tracker: MemoryTracker, status, tags, said) -> None:
    run_id = tracker.create_run("run", tags=tags)
    if status != "RUNNING":
        tracker.end_run(run_id, status)
    with pytest.raises(InputError, match=said):
        resume(run_id, HERE, tracker, unwatched)
    assert tracker.get_run(run_id).tags == tags


def test_one_process_at_a_time_resumes_a_run(experiment: Make, tracker: MemoryTracker, tmp_path: Path) -> None:
    run_id = stopped(experiment(epochs=3), tracker, tmp_path, after=1)
    said = []

    def resume_too(result: EpochResult, total: int) -> None:
        if result.epoch == total:  # its run has ended
            return
        assert tracker.get_run(run_id).status == "RUNNING"
        with pytest.raises(InputError, match=f"^run {run_id} is being resumed by another process$") as error:
            resume(run_id, Places(tmp_path), tracker, unwatched)
        said.append(str(error.value))

    assert resume(run_id, Places(tmp_path), tracker, resume_too).last.epoch == 3
    assert len(said) == 2
    assert [step for step, _ in tracker.get_run(run_id).metrics["lr"]] == [1, 2, 3]
    with pytest.raises(InputError, match=OVER):
        resume(run_id, Places(tmp_path), tracker, unwatched)


def test_a_run_that_is_resumed_elsewhere_is_running(experiment: Make, tracker: MemoryTracker, tmp_path: Path) -> None:
    run_id = stopped(experiment(), tracker, tmp_path, after=1)
    tracker.reopen_run(run_id)
    tracker.set_tags(run_id, {Tag.OWNER: str(ELSEWHERE)})
    with pytest.raises(InputError, match="may still be running on elsewhere"):
        resume(run_id, Places(tmp_path / "other"), tracker, unwatched)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("changed", [False, True])
def test_a_training_that_goes_on_with_other_code_says_so(
    experiment: Make, tracker: MemoryTracker, tmp_path: Path, caplog: pytest.LogCaptureFixture, changed: bool
) -> None:
    run_id = stopped(experiment(epochs=2), tracker, tmp_path, after=1)
    if changed:
        provenance = json.loads(tracker.get_run(run_id).tags[Tag.PROVENANCE])
        provenance["environment"]["code"] = "of before"
        tracker.set_tags(run_id, {Tag.PROVENANCE: json.dumps(provenance)})
    outcome = resume(run_id, Places(tmp_path), tracker, unwatched)
    assert outcome.last.epoch == 2
    assert [message.partition(", is ")[0] for message in caplog.messages] == ["code was of before"] * changed


def test_a_plain_training_measures_the_gradient_noise(experiment: Make, tracker: MemoryTracker, tmp_path: Path) -> None:
    outcome = train(experiment(), tracker, unwatched, outputs=str(tmp_path))
    assert {"gradient_signal", "gradient_noise"} <= outcome.last.metrics.keys()
