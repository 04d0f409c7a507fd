"""A single training on record: what is said of it, and what of one that goes on after its surroundings have changed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lrlab.runs.train import resume, train
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.tags import Tag
from lrlab.training.experiment import EpochResult, Experiment


def interrupted(experiment: Experiment, tracker: MemoryTracker, outputs: Path) -> str:
    """Stop a training after its first epoch; return its run."""

    def stop(result: EpochResult, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(experiment, tracker, stop, outputs=str(outputs))
    (run_id,) = tracker.files
    return run_id


@pytest.mark.parametrize("changed", [False, True])
def test_a_training_that_goes_on_with_other_code_says_so(
    experiment: Callable[..., Experiment], tmp_path: Path, caplog: pytest.LogCaptureFixture, changed: bool
) -> None:
    tracker = MemoryTracker()
    run_id = interrupted(experiment(epochs=2), tracker, tmp_path)
    if changed:
        provenance = json.loads(tracker.get_run(run_id).tags[Tag.PROVENANCE])
        provenance["environment"]["code"] = "of before"
        tracker.set_tags(run_id, {Tag.PROVENANCE: json.dumps(provenance)})
    outcome = resume(run_id, str(tmp_path), tracker, lambda result, total: None)
    assert outcome.last.epoch == 2
    assert [message.partition(", is ")[0] for message in caplog.messages] == ["code was of before"] * changed


def test_a_plain_training_measures_the_gradient_noise(experiment: Callable[..., Experiment], tmp_path: Path) -> None:
    outcome = train(experiment(), MemoryTracker(), lambda result, total: None, outputs=str(tmp_path))
    assert {"gradient_signal", "gradient_noise"} <= outcome.last.metrics.keys()
