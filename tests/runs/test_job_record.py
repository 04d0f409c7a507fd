import json
import math
from pathlib import Path
from typing import Any

import pytest

from lrlab.config.secrets import HIDDEN
from lrlab.errors import InputError
from lrlab.runs import job_record
from lrlab.runs.job_record import Job, JobRecord, check_complete, check_metrics, read_job
from lrlab.runs.launch import Launch
from lrlab.tracking.active_run import ActiveRun
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.tags import Tag

LAUNCH = Launch("", "train.py", "/nowhere", "config")
URI = "sqlite:////outputs/mlflow.db"


@pytest.fixture
def tracker() -> MemoryTracker:
    return MemoryTracker()


def record(tracker: MemoryTracker, *overrides: str, **config: Any) -> JobRecord:
    job = Job("trial 3", LAUNCH, overrides, config, config, parent="abc", tags={Tag.TRIAL: "3"})
    return JobRecord(tracker, URI, job)


def test_a_run_holds_what_is_needed_to_run_the_job_again(tracker: MemoryTracker) -> None:
    made = record(tracker, "lr=0.1", lr=0.1, model={"depth": 3})
    made.log(2, {"accuracy": 0.5})
    made.end("FINISHED", objective=[0.25], returned="0.25")
    run = tracker.get_run(made.run_id)
    assert (run.name, run.parent, run.status) == ("trial 3", "abc", "FINISHED")
    assert run.params == {"lr": "0.1", "model.depth": "3"}
    assert run.config == "lr: 0.1\nmodel:\n  depth: 3\n"
    assert run.metrics == {"accuracy": [(2, 0.5)], "objective": [(2, 0.25)]}
    assert (run.tags[Tag.TRIAL], run.tags[Tag.OVERRIDES], run.tags[Tag.RETURNED]) == ("3", "lr=0.1", "0.25")
    assert json.loads(run.tags[Tag.RECORDED]) == ["accuracy", "objective"]
    assert float(run.tags[Tag.SECONDS]) >= 0
    assert "numpy==" in run.tags[Tag.PACKAGES]
    assert read_job(run) == (LAUNCH, ["lr=0.1"])


def test_several_objectives_and_none(tracker: MemoryTracker) -> None:
    two, none = record(tracker), record(tracker)
    two.end("FINISHED", objective=[1.0, math.inf])
    none.end("KILLED")
    assert set(tracker.get_run(two.run_id).metrics) == {"objective_0", "objective_1"}
    assert (tracker.get_run(none.run_id).metrics, tracker.get_run(none.run_id).status) == ({}, "KILLED")


def test_secrets_are_not_recorded(tracker: MemoryTracker, tmp_path: Path) -> None:
    (tmp_path / ".hydra").mkdir()
    (tmp_path / ".hydra" / "config.yaml").write_text("password: hunter2")
    (tmp_path / "job.log").write_text("done")
    made = record(tracker, "db.password=hunter2", "lr=1", db={"password": "hunter2"}, lr=1)
    made.end("FINISHED", folder=tmp_path)
    run = tracker.get_run(made.run_id)
    assert run.params == {"db.password": HIDDEN, "lr": "1"}
    assert set(tracker.files[made.run_id]) == {"config.yaml", "job/job.log"}
    assert "hunter2" not in str(run) + str(tracker.files)
    with pytest.raises(InputError, match=r"^db\.password was typed, and is not recorded: put it in the environment"):
        read_job(run)


@pytest.mark.parametrize("written", ["{", "{}", '{"launch": {}, "overrides": []}', '{"launch": 3, "overrides": []}'])
def test_a_record_of_another_version_is_refused(tracker: MemoryTracker, written: str) -> None:
    run = tracker.get_run(tracker.create_run("trial 3", tags={Tag.JOB: written}))
    with pytest.raises(InputError, match="was recorded by another version of lrlab"):
        read_job(run)


def test_complete_overrides_pass() -> None:
    check_complete(["lr=0.1", "+x=2", "~y"])


def test_files_and_folders_are_attached(tracker: MemoryTracker, tmp_path: Path) -> None:
    (tmp_path / "figures" / "a").mkdir(parents=True)
    (tmp_path / "figures" / "a" / "b.png").write_bytes(b"png")
    made = record(tracker)
    made.attach(tmp_path / "figures")
    made.attach(tmp_path / "figures" / "a" / "b.png")
    assert set(tracker.files[made.run_id]) == {"config.yaml", "figures/a/b.png", "b.png"}
    with pytest.raises(InputError, match=r"path of lrlab\.artifact must be readable, got .*: No such file"):
        made.attach(tmp_path / "gone")


@pytest.mark.parametrize(("uri", "adopted"), [(URI, True), ("sqlite:////elsewhere.db", False)])
def test_a_run_of_the_application_s_own_is_used(
    tracker: MemoryTracker, monkeypatch: pytest.MonkeyPatch, uri: str, adopted: bool
) -> None:
    made = record(tracker, "lr=0.1", lr=0.1, depth=2)
    own = tracker.create_run("theirs", params={"lr": "theirs"})
    monkeypatch.setattr(job_record, "latest_run", lambda: ActiveRun(own, uri))
    made.log(0, {"a": 1.0})
    assert (made.run_id == own) is adopted
    if adopted:
        run = tracker.get_run(own)
        assert (run.name, run.tags[Tag.PARENT], run.params) == ("theirs", "abc", {"lr": "theirs", "depth": "2"})


def test_a_run_from_before_the_job_is_not(tracker: MemoryTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tracker.create_run("theirs")
    monkeypatch.setattr(job_record, "latest_run", lambda: ActiveRun(own, URI))
    assert record(tracker).run_id != own


def test_numbers_are_taken_as_metrics() -> None:
    assert check_metrics({"val/loss": 1, "a b-c.d:e": True}) == {"val/loss": 1.0, "a b-c.d:e": 1.0}


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"loss": "low"}, "loss of lrlab.log must be a number, got 'low'"),
        ({"loss": None}, "loss of lrlab.log must be a number, got None"),
        ({"a(b)": 1}, "a name of lrlab.log must be made of letters"),
        ({"": 1}, "a name of lrlab.log must be made of letters"),
        ({3: 1}, "a name of lrlab.log must be made of letters"),
        ({"reported": 1}, "a name of lrlab.log must not be lrlab's own"),
        ({"objective_1": 1}, "a name of lrlab.log must not be lrlab's own"),
        (0.5, "metrics of lrlab.log must be a mapping from names to numbers, got 0.5"),
    ],
)
def test_what_is_no_metric_is_refused(metrics: Any, said: str) -> None:
    with pytest.raises(InputError) as refused:
        check_metrics(metrics)
    assert said in str(refused.value)
