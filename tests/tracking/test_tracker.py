"""One contract, every tracker."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tracking.client_store import ClientStore
from lrlab.tracking.database import address
from lrlab.tracking.memory_tracker import Memory
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.mlflow_tracker import MlflowTracker
from lrlab.tracking.tracker import DatasetInfo, Tracker

DIGITS = DatasetInfo("digits", "0f" * 32, "https://archive.ics.uci.edu/dataset/80", {"train": 1437, "test": 360})


def memory(outputs: str) -> Tracker:
    return Memory().open(outputs)


def sqlite(outputs: str) -> Tracker:
    return Mlflow(experiment="contract").open(outputs)


def client(outputs: str) -> Tracker:
    store = ClientStore(address(None, outputs), "contract", str(Path(outputs) / "mlartifacts"))
    return MlflowTracker(store)


MLFLOW_WARNS = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the libraries it uses


@pytest.fixture(params=[memory, sqlite, pytest.param(client, marks=MLFLOW_WARNS)])
def tracker(request: pytest.FixtureRequest, outputs: str) -> Iterator[Tracker]:
    with request.param(outputs) as opened:
        yield opened


class TestTracker:
    def test_a_started_run_is_there_with_all_it_was_given(self, tracker: Tracker) -> None:
        run_id = tracker.create_run(
            "trial 0",
            params={"optimizer": "AdamW", "optimizer.lr": 1e-3, "model.hidden": [100, 50], "nothing": None},
            tags={"lrlab.trial": "0"},
            config="optimizer:\n  lr: 0.001  # λ\n",
            dataset=DIGITS,
        )
        record = tracker.get_run(run_id)
        assert (record.run_id, record.name, record.status) == (run_id, "trial 0", "RUNNING")
        assert record.params == {
            "optimizer": "AdamW",
            "optimizer.lr": "0.001",
            "model.hidden": "[100, 50]",
            "nothing": "None",
        }
        assert record.tags["lrlab.trial"] == "0"
        assert record.config == "optimizer:\n  lr: 0.001  # λ\n"
        assert record.parent is None
        assert record.metrics == {}

    def test_params_are_added_and_those_that_are_there_are_kept(self, tracker: Tracker) -> None:
        run_id = tracker.create_run("run", params={"lr": 0.1})
        tracker.add_params(run_id, {"lr": 0.2, "depth": 3, **{f"p{number}": number for number in range(120)}})
        tracker.add_params(run_id, {"depth": 4})
        params = tracker.get_run(run_id).params
        assert (params["lr"], params["depth"], params["p119"], len(params)) == ("0.1", "3", "119", 122)

    def test_the_least_a_run_needs_is_a_name(self, tracker: Tracker) -> None:
        record = tracker.get_run(tracker.create_run("bare"))
        assert (record.params, record.config) == ({}, "")

    @pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
    def test_end_says_how_the_run_ended(self, tracker: Tracker, status: str) -> None:
        run_id = tracker.create_run("run")
        tracker.end_run(run_id, status)  # type: ignore[arg-type]
        assert tracker.get_run(run_id).status == status

    def test_the_whole_history_comes_back_in_the_order_of_the_steps(self, tracker: Tracker) -> None:
        run_id = tracker.create_run("run")
        tracker.log_metrics(run_id, 1, {"val/loss": 0.25, "lr": 0.1})
        tracker.flush()
        tracker.log_metrics(run_id, 2, {"val/loss": 1 / 3})
        tracker.log_metrics(run_id, 0, {"val/loss": 0.5})
        tracker.end_run(run_id)
        assert tracker.get_run(run_id).metrics == {"val/loss": [(0, 0.5), (1, 0.25), (2, 1 / 3)], "lr": [(1, 0.1)]}

    def test_what_is_buffered_can_be_read(self, tracker: Tracker) -> None:
        parent = tracker.create_run("sweep")
        run_id = tracker.create_run("run", parent=parent)
        tracker.log_metrics(run_id, 0, {"loss": 2.5})
        assert tracker.child_runs(parent)[0].metrics == {"loss": [(0, 2.5)]}
        tracker.log_metrics(run_id, 1, {"loss": 2.25})
        assert tracker.get_run(run_id).metrics == {"loss": [(0, 2.5), (1, 2.25)]}

    def test_values_that_are_not_finite_are_kept(self, tracker: Tracker) -> None:
        run_id = tracker.create_run("diverged")
        values = [math.inf, -math.inf, math.nan, 1e308]
        for step, value in enumerate(values):
            tracker.log_metrics(run_id, step, {"loss": value})
        tracker.end_run(run_id, "FAILED")
        read = tracker.get_run(run_id).metrics["loss"]
        assert [step for step, _ in read] == [0, 1, 2, 3]
        assert [repr(value) for _, value in read] == [repr(value) for value in values]

    def test_children_are_those_of_the_parent_oldest_first(self, tracker: Tracker) -> None:
        parent, other = tracker.create_run("sweep"), tracker.create_run("another sweep")
        ids = []
        for trial in range(3):
            ids.append(tracker.create_run(f"trial {trial}", parent=parent, config=f"seed: {trial}"))
            tracker.log_metrics(ids[-1], 0, {"loss": trial})
            tracker.create_run("stranger", parent=other)
        children = tracker.child_runs(parent)
        assert sorted(child.run_id for child in children) == sorted(ids)
        assert [child.parent for child in children] == [parent] * 3
        assert {child.name: (child.config, child.metrics) for child in children} == {
            f"trial {trial}": (f"seed: {trial}", {"loss": [(0, trial)]}) for trial in range(3)
        }
        assert tracker.child_runs(ids[0]) == []

    def test_tags_are_added_and_replaced(self, tracker: Tracker) -> None:
        run_id = tracker.create_run("run", tags={"kept": "1", "replaced": "old"})
        tracker.set_tags(run_id, {"replaced": "new", "added": "2"})
        tags = tracker.get_run(run_id).tags
        assert {key: tags[key] for key in ("kept", "replaced", "added")} == {
            "kept": "1",
            "replaced": "new",
            "added": "2",
        }

    def test_an_ended_run_still_takes_tags_files_and_metrics(self, tracker: Tracker) -> None:
        run_id = tracker.create_run("run")
        tracker.end_run(run_id)
        tracker.set_tags(run_id, {"late": "yes"})
        tracker.log_artifacts(run_id, {"config.yaml": b"late: true\n", "plots/loss.txt": b"picture"})
        tracker.log_metrics(run_id, 9, {"test/accuracy": 0.5})
        record = tracker.get_run(run_id)
        assert (record.status, record.tags["late"], record.config) == ("FINISHED", "yes", "late: true\n")
        assert record.metrics == {"test/accuracy": [(9, 0.5)]}

    @pytest.mark.parametrize("run_id", ["0" * 32, "best"])
    def test_an_unknown_run_is_refused_in_one_line(self, tracker: Tracker, run_id: str) -> None:
        for verb in (
            lambda: tracker.get_run(run_id),
            lambda: tracker.end_run(run_id),
            lambda: tracker.set_tags(run_id, {"a": "b"}),
            lambda: tracker.log_artifacts(run_id, {"a": b"b"}),
        ):
            with pytest.raises(InputError, match=f"^run_id '{run_id}' is not in [^\n]*$"):
                verb()
        assert tracker.child_runs(run_id) == []

    def test_closing_twice_is_fine(self, tracker: Tracker) -> None:
        tracker.close()
        tracker.close()
