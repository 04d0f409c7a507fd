"""A database that is away for a while: a real server that is stopped and started again."""

import threading
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from lrlab.errors import InputError
from lrlab.sweeper.study import storage
from lrlab.sweeper.study.connection import is_lost, retried
from lrlab.sweeper.study.queue import Queue, TrialCounts
from lrlab.sweeper.study.storage import Storage, parse
from tests.postgres import Server


class ServerError(Exception):
    """As psycopg's."""

    def __init__(self, sqlstate: str | None) -> None:
        self.sqlstate = sqlstate


def of_server(sqlstate: str | None) -> DBAPIError:
    kind = type("OperationalError", (ServerError,), {})
    return OperationalError("SELECT 1", {}, kind(sqlstate))


@pytest.mark.parametrize(
    "state", [None, "57P01", "57P02", "57P03", "08006", "08001", "40001", "40P01", "53300", "25P03"]
)
def test_what_may_go_well_again(state: str | None) -> None:
    assert is_lost(of_server(state))
    wrapped = StorageInternalError("An exception is raised during the commit.")
    wrapped.__cause__ = of_server(state)
    assert is_lost(wrapped)


@pytest.mark.parametrize("state", ["23505", "28P01", "3D000", "42601", "53100"])
def test_what_will_not(state: str) -> None:
    assert not is_lost(of_server(state))


def test_neither_does_what_no_server_said() -> None:
    import sqlite3

    assert not is_lost(OperationalError("INSERT", {}, sqlite3.OperationalError("disk I/O error")))
    assert not is_lost(IntegrityError("INSERT", {}, sqlite3.IntegrityError("UNIQUE")))
    assert not is_lost(ValueError("no number"))
    assert not is_lost(None)


def test_patience_ends() -> None:
    class Impatient:
        retry_time = 0.0
        tries = 0

        @retried
        def ask(self) -> None:
            self.tries += 1
            raise of_server(None)

    impatient = Impatient()
    with pytest.raises(OperationalError):
        impatient.ask()
    assert impatient.tries == 1


@pytest.fixture
def server(postgresql_server: Server) -> Iterator[Server]:
    yield postgresql_server
    if postgresql_server.process.poll() is not None:
        postgresql_server.start()


@pytest.fixture
def place(server: Server, tmp_path: Path) -> Storage:
    place = parse(server.url, tmp_path)
    if "restarted" in optuna.get_all_study_names(place.open()):
        optuna.delete_study(study_name="restarted", storage=place.open())
    optuna.create_study(storage=place.open(), study_name="restarted")
    return place


@pytest.mark.machines
def test_a_server_that_is_started_again_costs_nothing(place: Storage, server: Server) -> None:
    """Between any two calls, and during them: each trial is claimed and told once."""
    queue = Queue(place, "restarted", pruner=optuna.pruners.MedianPruner())
    queue.enqueue_missing([{}] * 20)
    over = threading.Event()

    def restart() -> None:
        while not over.wait(0.3):
            server.stop()
            server.start()

    thread = threading.Thread(target=restart)
    thread.start()
    claimed = []
    try:
        while trial := queue.claim():
            claimed.append(trial.number)
            value = trial.suggest_float("x", 0, 1)
            trial.report(value, 1)
            trial.should_prune()
            assert queue.renew([trial]) == set()
            assert queue.counts().running == 1
            queue.repair()
            queue.complete(trial, [value])
    finally:
        over.set()
        thread.join()
    assert claimed == list(range(20))
    assert queue.counts() == TrialCounts(complete=20)
    assert [len(trial.intermediate_values) for trial in queue.trials()] == [1] * 20


@pytest.mark.machines
def test_beats_of_before_a_start_of_the_server_are_no_older_than_that(place: Storage, server: Server) -> None:
    queue = Queue(place, "restarted")
    queue.enqueue_missing([{}])
    queue.claim()
    store = queue._storage
    (before,) = store.beats(queue._id).values()
    server.stop()
    server.start()
    (after,) = store.beats(queue._id).values()
    assert after.value == before.value
    assert after.age < before.age + 60


@pytest.mark.machines
def test_a_server_that_is_away_from_the_start_is_refused_at_once(place: Storage, server: Server) -> None:
    server.stop()
    storage._open.cache_clear()
    with pytest.raises(InputError, match="cannot be opened: OperationalError"):
        place.open()
