"""A worker on another host says in one line what is missing there, and writes nothing."""

import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lrlab.errors import InputError
from lrlab.sweeper import worker
from lrlab.sweeper.launching.node_worker import NodeWorker, preemption_signal
from lrlab.sweeper.study.storage import Storage, parse


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # and back: a worker stays in its folder


class Worker:
    """Does what it is told."""

    folder = worker.Worker.folder

    def __init__(self, cwd: Path, storage: Storage, act: Callable[[], Any], missing: str = "") -> None:
        self.sweep = SimpleNamespace(config=SimpleNamespace(hydra=SimpleNamespace(runtime=SimpleNamespace(cwd=cwd))))
        self.storage, self.act, self.missing, self.state = storage, act, missing, None
        self.application = self

    def check_host(self, sweep: object, state: object) -> None:
        if self.missing:
            raise InputError(self.missing)

    def __call__(self, config: object) -> Any:
        return self.act()


def report(cwd: Path, storage: Storage, act: Callable[[], Any] = list, missing: str = "") -> Any:
    return NodeWorker(Worker(cwd, storage, act, missing))(None)  # type: ignore[arg-type]


MEMORY = Storage("memory:x")


def test_one_that_goes_well(tmp_path: Path) -> None:
    found = report(tmp_path, MEMORY, lambda: [(0, 0.5)])
    assert (found.results, found.failure) == ([(0, 0.5)], "")


def test_a_host_without_the_folder_of_the_sweep(tmp_path: Path) -> None:
    found = report(tmp_path / "project", MEMORY)
    assert f": there is no {tmp_path / 'project'}, the folder of the sweep: share it" in found.failure
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["studies.log", "sqlite:///studies.db"])
def test_a_host_without_the_study(url: str, tmp_path: Path) -> None:
    found = report(tmp_path, parse(url, tmp_path))
    assert "which holds the study: share it, or use postgresql://…" in found.failure
    assert list(tmp_path.iterdir()) == []


def test_a_host_without_the_data(tmp_path: Path) -> None:
    assert report(tmp_path, MEMORY, missing="cifar10 is not fetched").failure.endswith(": cifar10 is not fetched")


@pytest.mark.parametrize("error", [InputError("no\nspace"), ValueError("no\nspace"), KeyError("x")])
def test_what_it_raises_becomes_a_line(error: Exception, tmp_path: Path) -> None:
    def act() -> Any:
        raise error

    assert report(tmp_path, MEMORY, act).failure


@pytest.mark.parametrize("signum", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM])
def test_one_that_is_told_to_stop_says_so(signum: int, tmp_path: Path) -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM)}

    def act() -> Any:
        signal.raise_signal(signum)
        return [(0, 0.5)]

    found = report(tmp_path, MEMORY, act)
    assert found.results == [(0, 0.5)]
    assert "told to stop" in found.failure
    assert {each: signal.getsignal(each) for each in before} == before


def test_a_second_signal_of_a_scheduler_does_not_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lrlab.runtime.signals.DEBOUNCE", -1.0)
    monkeypatch.setattr("os._exit", lambda code: pytest.fail("it ended"))

    def act() -> Any:
        signal.raise_signal(signal.SIGUSR2)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        return []

    assert "told to stop" in report(tmp_path, MEMORY, act).failure


@pytest.mark.parametrize(("name", "signum"), [("USR1", signal.SIGUSR1), ("", signal.SIGUSR2), ("NONE", signal.SIGUSR2)])
def test_the_signal_is_the_one_submitit_asks_for(name: str, signum: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBMITIT_PREEMPT_SIGNAL", name)
    assert preemption_signal() == signum
