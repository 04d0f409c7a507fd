"""Leases by the clock of whoever looks, which the tests set."""

import threading
from collections.abc import Callable

import pytest

from lrlab.sweeper.study import lease
from lrlab.sweeper.study.lease import LEASE, PARTS, LeaseKeeper, Watch
from lrlab.sweeper.study.trial_store import Beat

Wait = Callable[[float], None]


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Wait:
    now = [0.0]
    monkeypatch.setattr(lease, "awake", lambda: now[0])

    def forward(seconds: float) -> None:
        now[0] += seconds

    return forward


def looks(watch: Watch, wait: Wait, seconds: float, value: object = "a", every: float = 10) -> set[int]:
    """Look again and again at one trial whose lease is 40 s."""
    lapsed = watch.lapsed({1: Beat(value)}, {1: 40})
    for _ in range(int(seconds / every)):
        wait(every)
        lapsed = watch.lapsed({1: Beat(value)}, {1: 40})
    return lapsed


def test_a_lease_lapses_after_its_time_without_a_sign(wait: Wait) -> None:
    watch = Watch()
    assert looks(watch, wait, 30) == set()
    assert looks(watch, wait, 10) == {1}


@pytest.mark.parametrize("value", ["b", None, 0])
def test_every_change_is_a_sign(wait: Wait, value: object) -> None:
    watch = Watch()
    assert looks(watch, wait, 30) == set()
    assert looks(watch, wait, 30, value) == set()
    assert looks(watch, wait, 10, value) == {1}


def test_one_that_never_gave_a_sign_loses_its_trial(wait: Wait) -> None:
    assert looks(Watch(), wait, 40, None) == {1}


@pytest.mark.parametrize("pause", [41, 3600, 1e6])
def test_while_nobody_looked_no_time_has_passed(wait: Wait, pause: float) -> None:
    """The watcher was stopped, the machine was asleep or the database away: the others had no chance, either."""
    watch = Watch()
    assert looks(watch, wait, 10) == set()
    wait(pause)
    assert looks(watch, wait, 10) == set()
    assert looks(watch, wait, 10) == {1}


def test_what_the_storage_says_of_the_time_before_counts(wait: Wait) -> None:
    watch = Watch()
    beats, leases = {1: Beat("a", 50.0), 2: Beat("b", 30.0), 3: Beat("c", 50.0)}, {1: 40.0, 2: 40.0}
    assert watch.lapsed(beats, leases) == {1}
    wait(10)
    assert watch.lapsed(beats, {2: 40.0, 3: 60.0}) == {2}


def test_by_default_others_run_the_trials_of_a_dead_machine_within_a_minute() -> None:
    assert LEASE + LEASE / PARTS < 60


def test_a_keeper_renews_looks_and_tells_what_was_lost() -> None:
    renewed, looked = threading.Event(), threading.Event()

    def renew() -> list[int]:
        renewed.set()
        return [7]

    with LeaseKeeper(0.04, renew, looked.set) as keeper:
        assert renewed.wait(10)
        assert looked.wait(10)
        assert keeper.lost() == {7}


def test_a_keeper_that_was_stopped_asks_before_it_answers(wait: Wait) -> None:
    lost: list[int] = []
    keeper = LeaseKeeper(3600, lambda: lost, lambda: None)
    lost.append(3)
    assert keeper.lost() == set()  # as of a moment ago
    wait(3600)
    assert keeper.lost() == {3}


def test_a_storage_that_is_away_does_not_end_the_keeper(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []
    again = threading.Event()

    def renew() -> list[int]:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("away")
        again.set()
        return []

    with LeaseKeeper(0.04, renew, lambda: None):
        assert again.wait(10)
    assert "could not be renewed: away" in caplog.text
