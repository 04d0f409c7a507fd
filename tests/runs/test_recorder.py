import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from lrlab.core.neighbours import KNN
from lrlab.data.dataset import Dataset
from lrlab.data.digits import Digits
from lrlab.errors import InputError
from lrlab.runs import recorder
from lrlab.runs.history import MetricHistory
from lrlab.runs.provenance import Provenance
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.tags import Tag
from lrlab.training.configuration import to_record, to_yaml
from lrlab.training.experiment import Experiment
from lrlab.training.methods.knn import NearestNeighbours
from tests.training.single import single


@dataclass(frozen=True)
class Text(Digits):
    """Data with a text among their settings."""

    text: str = ""


def test_a_run_holds_what_is_needed_to_repeat_it(dataset: Dataset, experiment: Callable[..., Experiment]) -> None:
    tracker, population = MemoryTracker(), single(experiment(), dataset, width=3, slot=2)
    (member,) = population.members
    run = tracker.get_run(recorder.create_run(tracker, population, member, name="n", parent="p", tags={"t": "1"}))
    assert (run.name, run.parent, run.status, run.tags["t"]) == ("n", "p", "RUNNING", "1")
    assert run.config == ""  # one of thousands
    assert recorder.config_of(run) == to_record(experiment())
    assert Provenance.from_json(run.tags[Tag.PROVENANCE]) == Provenance.of(population, member)
    assert json.loads(run.tags[Tag.PROVENANCE])["slot"] == 2
    assert (run.params["optimizer"], run.params["optimizer.lr"]) == ("sgd", "0.1")


@pytest.mark.parametrize("source", ["7", "None", "x" * 7000])
def test_a_configuration_that_its_params_do_not_say_has_a_file(
    dataset: Dataset, experiment: Callable[..., Experiment], source: str
) -> None:
    tracker, population = MemoryTracker(), single(experiment(data=Text(text=source)), dataset)
    (member,) = population.members
    run = tracker.get_run(recorder.create_run(tracker, population, member, name="n", parent="p"))
    assert run.config == to_yaml(to_record(member.experiment))
    assert recorder.config_of(run)["data"]["text"] == source
    assert Tag.CONFIG not in run.tags


def test_a_run_of_its_own_has_a_file_and_one_whose_file_is_gone_is_refused(
    dataset: Dataset, experiment: Callable[..., Experiment]
) -> None:
    tracker, population = MemoryTracker(), single(experiment(), dataset)
    (member,) = population.members
    run = tracker.get_run(recorder.create_run(tracker, population, member, name="n"))
    assert run.config == to_yaml(to_record(experiment()))
    with pytest.raises(InputError, match=r"has no config\.yaml among its artifacts"):
        recorder.config_of(replace(run, config=""))


@pytest.mark.parametrize(
    ("error", "status"), [(None, "FINISHED"), (ValueError(), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_a_parent_run_ends_as_what_is_done_in_it(error: BaseException | None, status: str) -> None:
    tracker = MemoryTracker()
    run_ids = []

    def work() -> None:
        with recorder.parent_run(tracker, "parent", params={"a": 1}, tags={}) as run_id:
            run_ids.append(run_id)
            if error:
                raise error

    if error:
        with pytest.raises(type(error)):
            work()
    else:
        work()
    assert tracker.get_run(run_ids[0]).status == status


def test_only_a_training_with_a_learning_rate_is_diagnosed(
    dataset: Dataset, experiment: Callable[..., Experiment]
) -> None:
    tracker = MemoryTracker()
    run_id = tracker.create_run("run")
    history = MetricHistory({"train/loss": [(1, float("nan"))], "lr": [(1, 0.1)]})
    assert recorder.log_diagnosis(tracker, run_id, experiment(), dataset, MetricHistory()) == ""
    memory = experiment(method=NearestNeighbours(), model=KNN())
    assert recorder.log_diagnosis(tracker, run_id, memory, dataset, history) == ""
    assert Tag.LEARNING_RATE not in tracker.get_run(run_id).tags
    assert recorder.log_diagnosis(tracker, run_id, experiment(), dataset, history) == "diverged"
    assert tracker.get_run(run_id).tags[Tag.LEARNING_RATE] == "diverged"


def test_weights_and_plots_are_attached(dataset: Dataset, experiment: Callable[..., Experiment]) -> None:
    tracker = MemoryTracker()
    run_id = tracker.create_run("run")
    weights = {"W1": np.ones((10, 64), np.float32), "b1": np.zeros(10, np.float32)}
    history = MetricHistory({"train/loss": [(1, 2.0), (2, 1.0)], "val/loss": [(1, 2.0), (2, 1.5)]})
    recorder.log_weights(tracker, run_id, weights)
    recorder.log_plots(tracker, run_id, experiment(), dataset, weights, history)
    files = tracker.files[run_id]
    assert set(files) == {"weights.npz", "loss_curve.png", "templates.png"}
    with np.load(io.BytesIO(files["weights.npz"]), allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored["W1"], weights["W1"])
