"""Leases and fencing on every storage, with real handles of their own."""

import subprocess
import sys
import threading
from collections.abc import Callable

import optuna
import pytest
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState
from sqlalchemy import event

from lrlab.runtime.process_id import ProcessId
from lrlab.sweeper.study import lease, storage
from lrlab.sweeper.study.queue import INTERRUPTED, IS_JOB, OUTCOME, RETRY_OF, Queue, TrialCounts
from lrlab.sweeper.study.storage import Storage
from lrlab.sweeper.study.trial_store import QueuedTrial, TrialStore
from lrlab.tracking.tags import Tag

ME = ProcessId.current()
PLACES = ["optuna.log", "sqlite:///x.db", pytest.param("postgresql", marks=pytest.mark.machines)]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, storage_at: Callable[[str], Storage]) -> Storage:
    return storage_at(request.param)


@pytest.fixture
def another(place: Storage) -> Callable[[], Queue]:
    """A queue with a handle of its own, as another process has it."""
    optuna.create_study(storage=place.open(), study_name="s")

    def make() -> Queue:
        storage._open.cache_clear()
        return Queue(place, "s", lease=4)

    return make


def claim(queue: Queue) -> optuna.Trial:
    trial = queue.claim()
    assert trial is not None
    return trial


def sign(trial: optuna.Trial, **other: object) -> None:
    """As if another process had claimed a trial: it differs from this one in what is given."""
    trial.set_user_attr(f"{Tag.OWNER}/{ME}", False)
    trial.set_user_attr(f"{Tag.OWNER}/{ME._replace(**other)}", {"lease": 4.0, "token": "t"})  # type: ignore[arg-type]


STRANGERS = [{"host": "elsewhere"}, {"boot": "a clone's"}, {"namespace": "pid:[1]"}, {"machine": "m", "pid": 1}]


@pytest.mark.parametrize("other", STRANGERS)
def test_a_trial_without_a_sign_of_life_is_run_again_once(
    another: Callable[[], Queue], other: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(lease, "awake", lambda: now[0])
    theirs, watchers = another(), [another(), another()]
    theirs.enqueue_missing([{"x": 1}, {"x": 2}])
    trial = claim(theirs)
    sign(trial, **other)
    for _ in range(4):
        assert [watcher.repair() for watcher in watchers] == [0, 0]
        now[0] += 1
        assert theirs.renew([trial]) == set()
    given_back = []
    for _ in range(5):
        given_back += [watcher.repair() for watcher in watchers]
        now[0] += 1
    assert sum(given_back) == 1
    assert theirs.renew([trial]) == {0}
    with pytest.raises(UpdateFinishedTrialError):
        trial.set_user_attr("late", True)
    theirs.complete(trial, [0.0])
    theirs.prune(trial)
    theirs.fail(trial, "late")
    assert watchers[0].counts() == TrialCounts(waiting=2)
    trials = watchers[0].trials()
    assert [each.state for each in trials] == [TrialState.FAIL, TrialState.WAITING, TrialState.WAITING]
    assert trials[0].user_attrs[OUTCOME] == INTERRUPTED
    assert trials[2].user_attrs[RETRY_OF] == 0
    assert trials[2].system_attrs["fixed_params"] == {"x": 1}


def test_a_trial_that_is_told_while_others_take_it_counts_once(another: Callable[[], Queue]) -> None:
    """The one who is first has it, whoever that is: both at once, again and again."""
    theirs, ours = another(), another()
    count = 12
    theirs.enqueue_missing([{"x": value} for value in range(count)])
    for _ in range(count):
        trial = claim(theirs)
        (running,) = ours.running()
        start = threading.Barrier(2)

        def tell(trial: optuna.Trial = trial, start: threading.Barrier = start) -> None:
            start.wait()
            theirs.complete(trial, [1.0])

        thread = threading.Thread(target=tell)
        thread.start()
        start.wait()
        ours.requeue([running])
        thread.join()
    while again := ours.claim():
        ours.complete(again, [2.0])
    assert theirs.counts() == ours.counts() == TrialCounts(complete=count)


def test_two_that_give_a_trial_back_at_once_queue_it_once(another: Callable[[], Queue]) -> None:
    queues = [another() for _ in range(3)]
    queues[0].enqueue_missing([{"x": 1}])
    claim(queues[0])
    seen = [queue.running() for queue in queues]
    threads = [
        threading.Thread(target=queue.requeue, args=(running,)) for queue, running in zip(queues, seen, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert queues[0].counts() == TrialCounts(waiting=1)


def test_a_dead_process_of_this_machine_is_found_at_once(another: Callable[[], Queue]) -> None:
    queue = another()
    queue.enqueue_missing([{}] * 2)
    program = "from lrlab.runtime.process_id import ProcessId; print(ProcessId.current())"
    dead = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    parsed = ProcessId.parse(dead)
    assert parsed
    trial, clones = claim(queue), claim(queue)
    trial.set_user_attr(IS_JOB, True)
    sign(trial, **parsed._asdict())
    sign(clones, **parsed._replace(boot="a clone's")._asdict())
    assert queue.repair() == 1
    assert queue.counts() == TrialCounts(waiting=1, running=1)


def test_what_others_do_is_seen(another: Callable[[], Queue]) -> None:
    ours, theirs = another(), another()
    ours.enqueue_missing([{"x": value} for value in range(6)])
    assert len(ours.trials()) == 6
    first, second = claim(theirs), claim(theirs)
    first.suggest_float("y", 0, 1)
    first.report(0.5, 1)
    assert ours.running()[0].params.keys() == {"y"}
    first.report(0.25, 2)
    second.set_user_attr("note", "n")
    assert ours.running()[0].intermediate_values == {1: 0.5, 2: 0.25}
    assert ours.running()[1].user_attrs["note"] == "n"
    theirs.complete(second, [2.0])
    third = claim(theirs)
    theirs.complete(third, [3.0])  # began and ended while nobody looked
    theirs.enqueue([{"x": 9}])
    trials = ours.trials()
    assert [trial.number for trial in trials] == list(range(7))
    assert [trial.state.name for trial in trials] == ["RUNNING", "COMPLETE", "COMPLETE", *["WAITING"] * 4]
    assert [trial.value for trial in trials[1:3]] == [2.0, 3.0]
    store = ours._storage
    assert isinstance(store, TrialStore)
    assert {trial.number for trial in store.finished(ours._id)} == {1, 2}


def test_a_claim_whose_answer_was_lost_is_found_again(another: Callable[[], Queue]) -> None:
    queue = another()
    queue.enqueue_missing([{}] * 2)
    store = queue._storage
    if not hasattr(store, "_claim"):
        pytest.skip("no connection can be lost")
    claimed = store._claim(queue._id, f"{Tag.OWNER}/{ME}", {"token": "t"}, [])
    assert store._claim(queue._id, f"{Tag.OWNER}/{ME}", {"token": "t"}, [None]) == claimed
    assert queue.counts() == TrialCounts(waiting=1, running=1)


def test_trials_whose_answer_was_lost_are_not_queued_twice(another: Callable[[], Queue]) -> None:
    queue = another()
    store = queue._storage
    if not hasattr(store, "_add"):
        pytest.skip("no connection can be lost")
    trials = [QueuedTrial({"x": 1}), QueuedTrial({"x": 2}, {"note": "n"})]
    store._add(queue._id, trials, "token", [])
    store._add(queue._id, trials, "token", [None])
    assert queue.counts() == TrialCounts(waiting=2)
    store._add(queue._id, trials, "another", [None])
    assert queue.counts() == TrialCounts(waiting=4)


def suggest(trial: optuna.Trial) -> None:
    trial.suggest_float("lr", 1e-3, 1, log=True)
    trial.suggest_int("b", 1, 9)
    trial.suggest_categorical("s", ["x", "y"])


def test_the_values_of_a_trial_are_written_at_once(another: Callable[[], Queue]) -> None:
    queue, other = another(), another()
    queue.enqueue_missing([{}])
    trial = claim(queue)
    with queue.choosing(trial):
        suggest(trial)
        trial.storage.set_trial_system_attr(trial._trial_id, "note", 1)
        assert other.running()[0].params == {}
    (seen,) = other.running()
    assert seen.params == trial.params
    assert seen.distributions == trial.distributions
    assert seen.system_attrs["note"] == 1
    queue.complete(trial, [1.0])
    assert other.trials()[0].params == queue.trials()[0].params == trial.params


def test_values_are_written_by_one_statement_group_whatever_their_number(
    another: Callable[[], Queue], monkeypatch: pytest.MonkeyPatch
) -> None:
    writes: list[int] = []
    queue = another()
    queue.enqueue_missing([{}])
    trial = claim(queue)
    store = trial.storage
    name = "_append" if hasattr(store, "_append") else "_write_choices"
    write = getattr(store, name)

    def counted(*arguments: object) -> None:
        writes.append(1)
        write(*arguments)

    monkeypatch.setattr(store, name, counted)
    with queue.choosing(trial):
        suggest(trial)
    assert len(writes) == 1
    with queue.choosing(trial):
        suggest(trial)  # given already
    assert len(writes) == 1


def test_a_trial_that_was_taken_over_gets_no_value(another: Callable[[], Queue]) -> None:
    queue, other = another(), another()
    queue.enqueue_missing([{}])
    trial = claim(queue)
    with pytest.raises(UpdateFinishedTrialError), queue.choosing(trial):  # noqa: PT012
        suggest(trial)
        other.requeue(other.running())
    assert queue.trials()[0].params == {}
    suggest(claim(queue))  # nothing is left to be refused later
    assert queue.counts().running == 1


def test_values_of_another_kind_than_before_are_refused_together(another: Callable[[], Queue]) -> None:
    queue = another()
    queue.enqueue_missing([{}, {}])
    with queue.choosing(first := claim(queue)):
        suggest(first)
    second = claim(queue)
    with pytest.raises(ValueError, match="istribution"), queue.choosing(second):  # noqa: PT012
        second.suggest_float("new", 0, 1)
        second.suggest_int("lr", 1, 2)
        second.suggest_int("s", 1, 2)
    assert queue.running()[1].params == {}
    assert queue.counts().running == 2


def test_what_was_chosen_before_an_error_is_kept(another: Callable[[], Queue]) -> None:
    queue, other = another(), another()
    queue.enqueue_missing([{}])
    trial = claim(queue)
    with pytest.raises(RuntimeError), queue.choosing(trial):  # noqa: PT012
        suggest(trial)
        raise RuntimeError
    assert other.running()[0].params == trial.params


def test_a_sampler_that_looks_again_for_one_trial_reads_once(
    storage_at: Callable[[str], Storage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And sees one state of the study; what others did meanwhile is seen with the next trial."""
    place = storage_at("sqlite:///x.db")
    optuna.create_study(storage=place.open(), study_name="s")
    queue = Queue(place, "s")
    queue.enqueue([{}, {}, {}])
    store, study = place.open(), queue.study()._study_id
    storage._open.cache_clear()
    other = Queue(place, "s")
    statements: list[str] = []

    def count(*executed: object) -> None:
        statements.append(str(executed[2]))

    first = claim(queue)
    event.listen(store._engine, "before_cursor_execute", count)  # type: ignore[attr-defined]
    with queue.choosing(first):
        assert [trial.number for trial in store.running(study)] == [0]
        once = len(statements)
        claim(other)
        for _ in range(3):
            assert [trial.number for trial in store.running(study)] == [0]
            assert list(store.finished(study)) == []
        assert len(statements) == once > 0
    assert [trial.number for trial in store.running(study)] == [0, 1]
    other.complete(claim(other), [1.0])
    with queue.choosing(first):
        assert [trial.number for trial in store.finished(study)] == [2]


def test_another_thread_reads_while_a_sampler_chooses(storage_at: Callable[[str], Storage]) -> None:
    place = storage_at("sqlite:///x.db")
    optuna.create_study(storage=place.open(), study_name="s")
    queue = Queue(place, "s")
    queue.enqueue([{}, {}])
    storage._open.cache_clear()
    other, seen = Queue(place, "s"), list[int]()
    with queue.choosing(claim(queue)):
        assert [trial.number for trial in queue.running()] == [0]
        claim(other)
        thread = threading.Thread(target=lambda: seen.extend(trial.number for trial in queue.running()))
        thread.start()
        thread.join()
    assert seen == [0, 1]


def test_what_is_known_of_a_finished_trial_is_not_read_again(storage_at: Callable[[str], Storage]) -> None:
    place = storage_at("sqlite:///x.db")
    optuna.create_study(storage=place.open(), study_name="s")
    queue = Queue(place, "s")
    queue.enqueue([{}, {}])
    store = place.open()
    trial = claim(queue)
    suggest(trial)
    before = queue.trials()[0]
    queue.complete(trial, [1.0])
    queue.trials()

    def refuse(*executed: object) -> None:
        pytest.fail(str(executed[2]))

    event.listen(store._engine, "before_cursor_execute", refuse)  # type: ignore[attr-defined]
    found = store.get_trial(trial._trial_id)
    assert (found.values, found.params, found.state.name) == ([1.0], before.params, "COMPLETE")
    found.params.clear()  # it is the caller's own
    assert store.get_trial(trial._trial_id).params == before.params
