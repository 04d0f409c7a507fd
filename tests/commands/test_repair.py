"""Repair of what killed processes left, without any process."""

from dataclasses import asdict
from pathlib import Path

import pytest

from lrlab.commands.repair import Repaired, repair
from lrlab.runtime.process_id import ProcessId
from lrlab.sweeper.study import study as studies
from lrlab.sweeper.study.queue import Queue
from lrlab.sweeper.study.state import SweepState, write_state
from lrlab.sweeper.study.storage import parse
from lrlab.sweeper.study.study import StudySpec
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.place import Place
from lrlab.tracking.spool import Destination, Spool
from lrlab.tracking.store import RunUpdate
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import UnreachableError

AWAY = f"another-machine/{str(ProcessId.current()).partition('/')[2]}"


@pytest.fixture(autouse=True)
def in_tmp_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_where_nothing_was_left_nothing_is_written(tmp_path: Path) -> None:
    done = repair(parse("outputs/optuna.log", tmp_path), Mlflow(), "outputs")
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
    kept = repair(storage, Mlflow(), "outputs")
    assert (kept.trials, kept.runs, kept.elsewhere) == (0, 0, (AWAY,))
    done = repair(storage, Mlflow(), "outputs", ["another-machine"])
    assert (done.trials, done.runs, done.elsewhere) == (1, 1, ())
    with Mlflow().open() as tracker:
        assert tracker.get_run(run_id).status == "KILLED"
    assert queue.counts().waiting == 2


def test_runs_are_closed_in_every_experiment_and_wherever_a_study_has_them(tmp_path: Path) -> None:
    storage = parse("outputs/optuna.log", tmp_path)
    lost = []
    for name, place in {"s": Place("outputs", "bobs"), "t": Place("sqlite:///runs.db", "alices")}.items():
        study = studies.create(storage, name, StudySpec(("minimize",), {}, ()))
        with Mlflow(place.uri, place.experiment).open() as tracker:
            lost.append(tracker.create_run("lost"))
            tracker.set_tags(lost[-1], {Tag.OWNER: AWAY})
            write_state(study, SweepState(lost[-1], runs=place.to_record("outputs")))
    done = repair(storage, Mlflow(), "outputs", ["another-machine"])
    assert (done.runs, done.trouble) == (2, "")
    for run_id, uri in zip(lost, ("outputs", "sqlite:///runs.db"), strict=True):
        with Mlflow(uri).open() as tracker:
            assert tracker.get_run(run_id).status == "KILLED"


def test_a_study_whose_runs_are_nowhere_is_named(tmp_path: Path) -> None:
    storage = parse("outputs/optuna.log", tmp_path)
    study = studies.create(storage, "s", StudySpec(("minimize",), {}, ()))
    write_state(study, SweepState("r", runs=Place("${oc.env:NO_SUCH_STORE}", "e")))
    assert "NO_SUCH_STORE is not set" in repair(storage, Mlflow(), "outputs").trouble


def test_mlflow_is_told_where_the_artifacts_of_a_moved_output_directory_are(tmp_path: Path) -> None:
    with Mlflow().open() as tracker:
        run_id = tracker.create_run("run", config="seed: 0\n")
    (tmp_path / "outputs").rename(tmp_path / "moved")
    storage = parse("moved/optuna.log", tmp_path)
    assert [repair(storage, Mlflow(), "moved").relocated for _ in range(2)] == [1, 0]
    with Mlflow().open("moved") as tracker:
        assert tracker.get_run(run_id).config == "seed: 0\n"
    assert [path.name for path in tmp_path.iterdir()] == ["moved"]


def test_repair_goes_on_where_it_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    destination = Destination("http://host:1", "lrlab")
    spool = Spool.create(tmp_path / "outputs" / "spool", destination)
    for n in range(4):
        spool.add({"verb": "write", "run": f"{n:032x}", **asdict(RunUpdate(tags={"n": str(n)}))})
    spool.close()
    delivered: list[str] = []

    class Remote:
        """Takes two updates, then Ctrl-C comes; and all the others the next time."""

        def write(self, run_id: str, update: RunUpdate) -> None:
            if len(delivered) == 2:
                delivered.append("interrupted")
                raise KeyboardInterrupt
            delivered.append(update.tags["n"])

    monkeypatch.setattr("lrlab.commands.repair.connect", lambda *_: Remote())
    monkeypatch.setattr("lrlab.tracking.spool_delivery.CONNECTIONS", 1)
    storage = parse("outputs/optuna.log", tmp_path)
    with pytest.raises(KeyboardInterrupt):
        repair(storage, Mlflow(), "outputs")
    done = repair(storage, Mlflow(), "outputs")
    assert (done.delivered, done.waiting) == (2, 0)
    assert delivered == ["0", "1", "interrupted", "2", "3"]
    assert list((tmp_path / "outputs" / "spool").iterdir()) == []


@pytest.mark.parametrize(("late", "asked", "waiting"), [({1, 3}, 6, 0), ({2}, 5, 0), (set(range(9)), 1, 4)])
def test_a_server_that_is_late_now_and_then_gets_everything_and_one_that_is_away_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: set[int], asked: int, waiting: int
) -> None:
    spool = Spool.create(tmp_path / "outputs" / "spool", Destination("http://host:1", "lrlab"))
    for n in range(4):
        spool.add({"verb": "write", "run": f"{n:032x}", **asdict(RunUpdate(tags={"n": str(n)}))})
    spool.close()
    requests: list[str] = []

    class Remote:
        def write(self, run_id: str, update: RunUpdate) -> None:
            requests.append(run_id)
            if len(requests) - 1 in late:
                raise UnreachableError("timed out")

    monkeypatch.setattr("lrlab.commands.repair.connect", lambda *_: Remote())
    monkeypatch.setattr("lrlab.tracking.spool_delivery.CONNECTIONS", 1)
    done = repair(parse("outputs/optuna.log", tmp_path), Mlflow(), "outputs")
    assert (len(requests), done.delivered, done.waiting) == (asked, 4 - waiting, waiting)
    assert ("timed out" in done.trouble) == bool(waiting)
