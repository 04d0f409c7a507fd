"""Runs that are open: what a study knows of them, and what other hosts have yet to deliver."""

import threading
from collections.abc import Iterator
from pathlib import Path

import optuna
import psutil
import pytest

from lrlab.config.command_line import HERE
from lrlab.errors import RecordsLeftError
from lrlab.runtime.process_id import ProcessId
from lrlab.sweeper.study import open_runs
from lrlab.sweeper.study.open_runs import trials_of, wait_for_others
from lrlab.sweeper.study.queue import DEATHS, INTERRUPTED, IS_JOB, MAX_DEATHS, OUTCOME, RUN_ID, Queue
from lrlab.sweeper.study.storage import parse
from lrlab.sweeper.study.study import StudySpec, create
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.mlflow_tracker import MlflowTracker
from lrlab.tracking.tags import Tag

MINE = ProcessId.current()
AWAY = str(MINE._replace(host="away"))
OTHER_BOOT = str(MINE._replace(boot="another"))
OTHER_CONTAINER = str(MINE._replace(namespace="pid:[1]", pid=2))


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[MlflowTracker]:
    with Mlflow().open(str(tmp_path)) as tracker:
        yield tracker


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    storage = parse("memory", tmp_path)
    create(storage, "s", StudySpec(("minimize",), {}, ()))
    queue = Queue(storage, "s")
    queue.enqueue_missing([{}] * 3)
    return queue


def trial_with_run(queue: Queue, tracker: MlflowTracker, parent: str, owner: str) -> tuple[optuna.Trial, str]:
    trial = queue.claim()
    assert trial
    run_id = tracker.create_run("t", parent=parent, tags={Tag.TRIAL: str(trial.number), Tag.OWNER: owner})
    trial.set_user_attr(f"{Tag.OWNER}/{MINE}", False)
    trial.set_user_attr(f"{Tag.OWNER}/{owner}", True)
    trial.set_user_attr(RUN_ID, run_id)
    return trial, run_id


@pytest.mark.parametrize("owner", [AWAY, OTHER_BOOT, OTHER_CONTAINER], ids=["away", "other boot", "other container"])
def test_the_study_says_which_runs_are_open_for_good(queue: Queue, tracker: MlflowTracker, owner: str) -> None:
    """Whoever ran them, and whether that process can be seen from here or not."""
    parent = tracker.create_run("s", tags={Tag.OWNER: owner})
    taken, lost = trial_with_run(queue, tracker, parent, owner)
    _, running = trial_with_run(queue, tracker, parent, owner)
    queue.requeue([trial for trial in queue.running() if trial.number == taken.number])
    assert tracker.close_orphans(sweeps=[trials_of(queue.study(), parent)]) == 1
    assert [tracker.get_run(run).status for run in (parent, lost, running)] == ["RUNNING", "KILLED", "RUNNING"]
    assert tracker.get_run(lost).tags[Tag.ABANDONED] == "true"


def test_a_run_that_finished_before_its_trial_was_taken_over_counts_for_nothing(
    queue: Queue, tracker: MlflowTracker
) -> None:
    """Its host died, or was cut off, before it could tell the study."""
    parent = tracker.create_run("s")
    taken, in_vain = trial_with_run(queue, tracker, parent, AWAY)
    told, finished = trial_with_run(queue, tracker, parent, AWAY)
    for run_id in (in_vain, finished):
        tracker.end_run(run_id)
    queue.requeue([trial for trial in queue.running() if trial.number == taken.number])
    queue.complete(told, [1.0])
    sweeps = [trials_of(queue.study(), parent)]
    assert (tracker.close_orphans(sweeps=sweeps), tracker.close_orphans(sweeps=sweeps)) == (1, 0)
    assert [tracker.get_run(run).status for run in (in_vain, finished)] == ["KILLED", "FINISHED"]
    assert tracker.get_run(in_vain).tags[Tag.ABANDONED] == "true"


def test_runs_that_a_study_does_not_know_are_judged_by_their_processes(
    queue: Queue, tracker: MlflowTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A boot of this machine ends before the next begins: what was seen since is a clone."""
    run_id = tracker.create_run("train", tags={Tag.OWNER: OTHER_BOOT})
    sweeps = [trials_of(queue.study(), "another parent")]
    assert tracker.close_orphans(sweeps=sweeps) == 0
    (run,) = tracker.unfinished_runs()
    monkeypatch.setattr(psutil, "boot_time", lambda: run.seen + 1)
    assert tracker.close_orphans(sweeps=sweeps) == 1
    assert tracker.get_run(run_id).status == "KILLED"


def test_metrics_are_signs_of_life(tracker: MlflowTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = tracker.create_run("train", tags={Tag.OWNER: OTHER_BOOT})
    (begun,) = tracker.unfinished_runs()
    monkeypatch.setattr("lrlab.tracking.mlflow_tracker._now", lambda: int(1000 * begun.seen) + 90_000)
    tracker.log_metrics(run_id, 1, {"loss": 1.0})
    (later,) = tracker.unfinished_runs()
    assert later.seen == pytest.approx(begun.seen + 90)
    monkeypatch.setattr(psutil, "boot_time", lambda: begun.seen + 60)
    assert tracker.close_orphans() == 0


def test_records_that_wait_on_another_host_are_named(
    queue: Queue, tracker: MlflowTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_runs, "STALL", 0.2)
    parent = tracker.create_run("s")
    whole, run_id = trial_with_run(queue, tracker, parent, AWAY)
    left, _ = trial_with_run(queue, tracker, parent, AWAY)
    early, _ = trial_with_run(queue, tracker, parent, AWAY)
    early.set_user_attr(RUN_ID, "spooled-1")  # the server does not know of it yet
    tracker.end_run(run_id)
    for trial in (whole, left, early):
        queue.complete(trial, [1.0])
    with pytest.raises(RecordsLeftError) as said:
        wait_for_others(queue.study(), tracker, parent, HERE)
    assert "the runs of 2 are not whole: their records wait on away (2)" in str(said.value)
    assert "lrlab repair --gone away" in str(said.value)


def test_what_others_deliver_meanwhile_is_waited_for(queue: Queue, tmp_path: Path) -> None:
    with Mlflow().open(str(tmp_path)) as tracker:
        parent = tracker.create_run("s")
        trial, run_id = trial_with_run(queue, tracker, parent, AWAY)
        queue.complete(trial, [1.0])

        def deliver() -> None:
            with Mlflow().open(str(tmp_path)) as other:
                other.end_run(run_id)

        later = threading.Timer(0.5, deliver)
        later.start()
        wait_for_others(queue.study(), tracker, parent, HERE)
        later.join()
        assert tracker.get_run(run_id).status == "FINISHED"


def test_interrupted_trials_are_no_trials_that_are_done(queue: Queue, tracker: MlflowTracker) -> None:
    parent = tracker.create_run("s")
    trial, _ = trial_with_run(queue, tracker, parent, AWAY)
    queue.requeue(queue.running())
    assert queue.trials()[trial.number].user_attrs[OUTCOME] == INTERRUPTED
    wait_for_others(queue.study(), tracker, parent, HERE)


def test_the_run_of_a_job_of_which_processes_die_is_closed_whatever_host_it_was_on(
    queue: Queue, tracker: MlflowTracker
) -> None:
    parent = tracker.create_run("s")
    trial, run_id = trial_with_run(queue, tracker, parent, AWAY)
    trial.set_user_attr(IS_JOB, True)
    trial.set_user_attr(DEATHS, MAX_DEATHS - 1)  # what it repeats
    queue.requeue(queue.running(), died=True)
    assert queue.counts().failed == 1
    assert tracker.close_orphans(sweeps=[trials_of(queue.study(), parent)]) == 1
    wait_for_others(queue.study(), tracker, parent, HERE)
    assert tracker.get_run(run_id).status == "KILLED"
