"""Workers that die, freeze or lose their database, on machines that know nothing of each other.

A machine is a process in namespaces of its own: another host name, and processes that nobody else sees.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import optuna
import pytest

from lrlab.sweeper.study.queue import INTERRUPTED, OUTCOME, RETRY_OF, Queue, TrialCounts
from lrlab.sweeper.study.storage import Storage, parse
from lrlab.sweeper.study.study import names
from tests.fault_injection.lab import end_group
from tests.postgres import Server

APP = Path(__file__).with_name("slow_app.py")
SHARED = [
    "journal",
    pytest.param("sqlite", marks=pytest.mark.faults),
    pytest.param("postgresql", marks=pytest.mark.machines),
]


class Machines:
    """Machines with folders of their own, and the study that they share."""

    def __init__(self, place: Path, url: str, stack: ExitStack) -> None:
        self.place, self.url, self.stack = place, url, stack
        self.storage = parse(url, place)
        self.begun = place / "begun"
        self.begun.mkdir()

    def sweep(self, who: str, *overrides: str, trials: int = 4, seconds: float = 1) -> "subprocess.Popen[str]":
        folder = self.place / who
        folder.mkdir(exist_ok=True)
        url = self.url if "://" in self.url else f"journal:{self.place / self.url}"
        url = url.replace("sqlite:///", f"sqlite:///{self.place}/")
        given = [
            "hydra/sweeper=lrlab",
            "hydra.sweep.dir=sweep",
            "hydra.sweeper.study_name=s",
            "hydra.sweeper.tracking=none",
            "hydra.sweeper.lease=3",
            f"x=range(0,{trials})",
            f"hydra.sweeper.storage='{url}'",
        ]
        command = [sys.executable, str(APP), "-m", *given, *overrides]
        as_machine = ["unshare", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c"]
        inside = f"hostname {who}; exec " + " ".join(f'"{word}"' for word in command)
        environment = {
            **os.environ,
            "WHO": who,
            "BEGUN": str(self.begun),
            "SECONDS": str(seconds),
            "OMP_NUM_THREADS": "1",
        }
        with (folder / "said").open("a") as said:
            process = subprocess.Popen(
                [*as_machine, inside],
                cwd=folder,
                env=environment,
                stdout=said,
                stderr=said,
                text=True,
                start_new_session=True,
            )
        self.stack.callback(process.wait)
        self.stack.callback(end_group, process.pid)
        return process

    def said(self, who: str) -> str:
        return (self.place / who / "said").read_text()

    def wait_until_begun(self, who: str, count: int = 1) -> None:
        for _ in range(2400):
            if len(list(self.begun.glob(f"{who}-*"))) >= count:
                return
            time.sleep(0.05)
        raise TimeoutError(self.said(who))

    def queue(self) -> Queue:
        return Queue(self.storage, "s")

    def check(self, trials: int) -> list[optuna.trial.FrozenTrial]:
        """Each trial is told once."""
        queue = self.queue()
        assert queue.counts() == TrialCounts(complete=trials)
        counted = [trial for trial in queue.trials() if trial.user_attrs.get(OUTCOME) != INTERRUPTED]
        assert sorted(trial.params["x"] for trial in counted) == list(range(trials))
        return queue.trials()


def processes_of(machine: "subprocess.Popen[str]") -> list[int]:
    """The processes inside a machine."""
    import psutil

    return [child.pid for child in psutil.Process(machine.pid).children(recursive=True)]


@pytest.fixture
def machines(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machines]:
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "--uts", "--pid", "--fork", "true"], check=False).returncode:
        pytest.skip("namespaces are not permitted here")
    kind = getattr(request, "param", "journal")
    url = {"journal": "optuna.log", "sqlite": "sqlite:///x.db"}.get(kind) or request.getfixturevalue("postgresql")
    place: Storage = parse(url, tmp_path)
    if kind == "postgresql" and "s" in names(place):
        optuna.delete_study(study_name="s", storage=place.open())
    with ExitStack() as stack:
        yield Machines(tmp_path, url, stack)


@pytest.mark.parametrize("machines", SHARED, indirect=True)
def test_what_a_dead_machine_ran_is_run_by_another(machines: Machines) -> None:
    dead = machines.sweep("dead", seconds=600)
    machines.wait_until_begun("dead")
    alive = machines.sweep("alive", seconds=0)
    machines.wait_until_begun("alive")
    end_group(dead.pid)
    assert alive.wait(120) == 0, machines.said("alive")
    trials = machines.check(4)
    assert [trial.user_attrs.get(RETRY_OF) for trial in trials] == [None] * 4 + [0]


@pytest.mark.parametrize("machines", SHARED, indirect=True)
def test_a_resume_elsewhere_takes_over_what_was_left(machines: Machines) -> None:
    """Without anybody's word, and with exit code 0 only when all of it is done."""
    dead = machines.sweep("dead", seconds=600)
    machines.wait_until_begun("dead")
    end_group(dead.pid)
    dead.wait()
    assert machines.queue().counts() == TrialCounts(waiting=3, running=1)
    assert machines.sweep("alive", seconds=0).wait(120) == 0, machines.said("alive")
    machines.check(4)


@pytest.mark.parametrize("machines", SHARED, indirect=True)
def test_who_was_frozen_wakes_and_changes_nothing(machines: Machines) -> None:
    frozen = machines.sweep("frozen", seconds=2)
    machines.wait_until_begun("frozen")
    inside = processes_of(frozen)
    for pid in inside:
        os.kill(pid, signal.SIGSTOP)
    assert machines.sweep("awake", seconds=0).wait(120) == 0, machines.said("awake")
    before = machines.check(4)
    for pid in inside:
        os.kill(pid, signal.SIGCONT)
    assert frozen.wait(120) == 0, machines.said("frozen")
    assert "was taken over by another worker" in machines.said("frozen")
    after = machines.check(4)
    assert [(trial.state, trial.values) for trial in after] == [(trial.state, trial.values) for trial in before]


@pytest.mark.parametrize("machines", SHARED, indirect=True)
def test_two_sweeps_race_and_each_trial_is_told_once(machines: Machines) -> None:
    both = [machines.sweep(who, trials=24, seconds=0) for who in ("one", "other")]
    assert [each.wait(240) for each in both] == [0, 0], [machines.said(who) for who in ("one", "other")]
    trials = machines.check(24)
    assert len(trials) == 24


@pytest.mark.parametrize("machines", ["journal"], indirect=True)
def test_a_clone_that_lives_keeps_its_trial(machines: Machines) -> None:
    """Two machines of one name and one machine id, in namespaces of their own."""
    first = machines.sweep("clone", trials=2, seconds=8)
    machines.wait_until_begun("clone")
    second = machines.sweep("clone", trials=2, seconds=0)
    assert [first.wait(120), second.wait(120)] == [0, 0], machines.said("clone")
    assert len(machines.check(2)) == 2


@pytest.mark.machines
@pytest.mark.parametrize("machines", ["postgresql"], indirect=True)
def test_the_database_is_started_again_under_two_sweeps(machines: Machines, postgresql_server: Server) -> None:
    both = [machines.sweep(who, trials=12, seconds=1) for who in ("one", "other")]
    machines.wait_until_begun("one", 2)
    postgresql_server.stop()
    time.sleep(4)  # longer than the lease
    postgresql_server.start()
    assert [each.wait(240) for each in both] == [0, 0], [machines.said(who) for who in ("one", "other")]
    assert len(machines.check(12)) == 12  # nobody took anything over


@pytest.mark.parametrize("machines", ["journal"], indirect=True)
def test_trials_of_another_program_are_named_and_the_exit_code_is_1(machines: Machines) -> None:
    dead = machines.sweep("dead", trials=3, seconds=600)
    machines.wait_until_begun("dead")
    end_group(dead.pid)
    dead.wait()
    study = machines.queue().study()
    study.ask()  # as another program does: it signs nothing
    resumed = machines.sweep("alive", trials=3, seconds=0)
    assert resumed.wait(120) == 1, machines.said("alive")
    assert "the sweep ends with 2 of 3 trials done, 1 running of another program (1)" in machines.said("alive")
