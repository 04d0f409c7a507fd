from collections.abc import Callable

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from lrlab.config.command_line import HERE
from lrlab.sweeper import sweep_run
from lrlab.sweeper.course import log_course
from lrlab.sweeper.study.queue import RUN_ID
from lrlab.tracking.memory_tracker import MemoryTracker
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import RunRecord, UnreachableError


def ended(*values: float | None) -> tuple[optuna.Study, MemoryTracker, str]:
    """Return a sweep that has ended, whose trials came to these values, with its record; None is one that failed."""
    study, tracker = optuna.create_study(), MemoryTracker()
    run_id = tracker.create_run("s")
    add(study, *values)
    log_course(tracker, run_id, study)
    tracker.set_tags(run_id, {Tag.ANSWER: "this one", Tag.BEST_RUN_ID: tracker.create_run("best")})
    tracker.end_run(run_id)
    return study, tracker, run_id


def add(study: optuna.Study, *values: float | None) -> None:
    for value in values:
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        study.add_trial(create_trial(value=value, state=state, user_attrs={RUN_ID: ""}))


@pytest.mark.parametrize("values", [(1.0,), (3.0, 2.0, 2.0), (1.0, None)])
def test_a_sweep_that_was_closed_has_ended(values: tuple[float | None, ...]) -> None:
    assert sweep_run.has_ended(*ended(*values))


Change = Callable[[optuna.Study, MemoryTracker, str], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda study, tracker, run_id: sweep_run.reopen(tracker, run_id),  # killed between its last trial and its end
        lambda study, tracker, run_id: tracker.end_run(run_id, "KILLED"),  # by Ctrl-C, while it ended
        lambda study, tracker, run_id: tracker.end_run(run_id, "FAILED"),
        lambda study, tracker, run_id: tracker.set_tags(run_id, {Tag.BEST_RUN_ID: ""}),
        lambda study, tracker, run_id: tracker.set_tags(run_id, {Tag.BEST_RUN_ID: "deleted"}),
        lambda study, tracker, run_id: add(study, 1.0),  # by another sweep
    ],
)
def test_a_sweep_whose_end_is_not_on_record_has_not_ended(change: Change) -> None:
    study, tracker, run_id = ended(1.0, 2.0)
    change(study, tracker, run_id)
    assert not sweep_run.has_ended(study, tracker, run_id)


def test_a_sweep_that_goes_on_and_was_closed_before_its_best_was_known_has_not_ended() -> None:
    study, tracker, run_id = ended(1.0)
    sweep_run.reopen(tracker, run_id)
    tracker.end_run(run_id)  # its children could not be read
    assert not sweep_run.has_ended(study, tracker, run_id)


def test_a_run_that_is_not_there_or_not_to_be_had_has_not_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    study, tracker, run_id = ended(1.0)
    assert not sweep_run.has_ended(study, tracker, "another")

    def away(run_id: str) -> None:
        raise UnreachableError("no server")

    monkeypatch.setattr(tracker, "get_run", away)
    assert not sweep_run.has_ended(study, tracker, run_id)


def test_a_run_that_another_sweep_has_open_stays_that_ones() -> None:
    tracker = MemoryTracker()
    run_id = tracker.create_run("s", tags={Tag.OWNER: "another", Tag.BEST_RUN_ID: "best"})
    sweep_run.reopen(tracker, run_id)
    assert tracker.get_run(run_id).tags == {Tag.OWNER: "another", Tag.BEST_RUN_ID: "best"}
    tracker.end_run(run_id)
    sweep_run.reopen(tracker, run_id)
    run = tracker.get_run(run_id)
    assert (run.status, run.tags[Tag.OWNER] != "another", run.tags[Tag.BEST_RUN_ID]) == ("RUNNING", True, "")


def test_a_run_whose_server_is_away_is_opened_once_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    _, tracker, run_id = ended(1.0)
    found = tracker.get_run

    def away(run_id: str) -> None:
        raise UnreachableError("no server")

    monkeypatch.setattr(tracker, "get_run", away)
    sweep_run.reopen(tracker, run_id)
    assert found(run_id).status == "RUNNING"


def test_nothing_is_read_of_the_runs_of_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes the second end of a sweep of 20,000 trials quick."""
    study, tracker, run_id = ended(*map(float, range(50)))
    read: list[str] = []
    found = tracker.get_run

    def counted(run_id: str) -> RunRecord:
        read.append(run_id)
        return found(run_id)

    monkeypatch.setattr(tracker, "get_run", counted)
    for name in ("summaries", "child_runs", "histories"):
        monkeypatch.delattr(MemoryTracker, name)
    assert sweep_run.has_ended(study, tracker, run_id)
    sweep_run.close_runs(study, tracker, run_id, HERE)
    assert read == [run_id, found(run_id).tags[Tag.BEST_RUN_ID]]
