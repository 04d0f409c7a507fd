"""Repair of what killed processes left, without any process."""

from pathlib import Path

import pytest

from lrlab.commands.repair import Repaired, repair
from lrlab.runtime.process_id import ProcessId
from lrlab.sweep.study import study as studies
from lrlab.sweep.study.queue import Queue
from lrlab.sweep.study.storage import parse
from lrlab.sweep.study.study import StudySpec
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.tags import Tag

AWAY = f"another-machine/{str(ProcessId.current()).partition('/')[2]}"


@pytest.fixture(autouse=True)
def in_tmp_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_where_nothing_was_left_nothing_is_written(tmp_path: Path) -> None:
    done = repair(parse("outputs/optuna.log", tmp_path), None, "outputs", None)
    assert done == Repaired(trials=0, runs=0, delivered=0, waiting=0, trouble="", elsewhere=())
    assert done.elsewhere == ()
    assert list(tmp_path.iterdir()) == []


def test_the_processes_of_a_host_that_is_gone_give_back_their_trials_and_runs(tmp_path: Path) -> None:
    storage = parse("outputs/optuna.log", tmp_path)
    studies.create(storage, "s", StudySpec(("minimize",), {}, ()))
    queue = Queue(storage, "s")
    queue.enqueue_missing([{}] * 2)
    trial = queue.claim()
    assert trial is not None
    trial.set_user_attr(f"{Tag.OWNER}/{ProcessId.current()}", False)
    trial.set_user_attr(f"{Tag.OWNER}/{AWAY}", True)
    with Mlflow().open() as tracker:
        run_id = tracker.create_run("lost")
        tracker.set_tags(run_id, {Tag.OWNER: AWAY})
    with Mlflow().open() as tracker:
        kept = repair(storage, tracker, "outputs", None)
        assert (kept.trials, kept.runs, kept.elsewhere) == (0, 0, (AWAY,))
        done = repair(storage, tracker, "outputs", None, ["another-machine"])
        assert (done.trials, done.runs, done.elsewhere) == (1, 1, ())
        assert tracker.get_run(run_id).status == "KILLED"
    assert queue.counts().waiting == 2
