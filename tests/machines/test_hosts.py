"""Sweeps of independent hosts that share a study and a server of runs: hosts, networks and services that fail."""

import os
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from lrlab.sweeper.study.queue import RUN_ID, Queue, TrialCounts, claimants, has_ended
from lrlab.sweeper.study.state import STATE
from lrlab.sweeper.study.storage import parse
from lrlab.sweeper.study.study import names
from tests.machines import hosts
from tests.machines.hosts import Host, Services

ABSENT = hosts.missing()
pytestmark = [pytest.mark.machines, pytest.mark.skipif(bool(ABSENT), reason=ABSENT)]
TRIALS, EPOCHS = 24, 3
LEASE = 10  # seconds
SPACE = ("optimizer.lr=tag(log,interval(1e-4,1e-2))", "regularizer.strength=1e-4", "schedule.warmup=0")
SLOW = ("batch_size=1", f"epochs={EPOCHS}", "population.width=1")  # half a second for each trial, or more
ALONE = ("hydra/launcher=basic", "hydra.sweeper.n_jobs=1")
HOLD_LOCK = """
import sys, time
from lrlab.sweeper.study import postgresql
with postgresql.lock(sys.argv[1], postgresql.EXCLUSIVE):
    print("held", flush=True)
    time.sleep(3600)
"""
Process = subprocess.Popen[str]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    with hosts.services(tmp_path_factory.mktemp("services")) as running:
        yield running


class Sweep:
    """One study, swept by several hosts."""

    def __init__(self, services: Services, folder: Path, stack: ExitStack) -> None:
        self.services, self.folder, self.stack = services, folder, stack
        self.study = f"{folder.name}-{os.getpid()}"
        self.storage = parse(services.postgresql.url, folder)
        self.hosts: list[Host] = []

    def host(self, name: str, clone_of: Host | None = None) -> Host:
        number = len(self.hosts) + 2
        twin = {"name": clone_of.name, "machine": clone_of.machine} if clone_of else {"name": name}
        host = Host(self.services, number, self.folder / name, **twin)
        self.stack.callback(host.close)
        self.hosts.append(host)
        return host

    def begin(self, host: Host, *overrides: str) -> Process:
        given = [f"study={self.study}", f"hydra.sweeper.n_trials={TRIALS}", f"hydra.sweeper.lease={LEASE}"]
        return host.run("sweep", "quickstart", *given, *SPACE, *SLOW, *(overrides or ALONE))

    def queue(self) -> Queue | None:
        return Queue(self.storage, self.study) if self.study in names(self.storage) else None

    def counts(self) -> TrialCounts:
        queue = self.queue()
        return queue.counts() if queue else TrialCounts()

    def runs_on(self, host: Host) -> list[int]:
        """The numbers of the trials that a host runs."""
        queue = self.queue()
        found = queue.running() if queue else []
        return [trial.number for trial in found if any(each.startswith(f"{host.name}/") for each in claimants(trial))]

    def wait_until(self, met: Callable[[], object], seconds: float = 600.0) -> float:
        """Return how many seconds it took."""
        begun = time.monotonic()
        while not met():
            assert time.monotonic() - begun < seconds, self.said()
            time.sleep(0.1)
        return time.monotonic() - begun

    def wait_until_both_train(self) -> None:
        self.wait_until(lambda: self.counts().done >= 2 and all(map(self.runs_on, self.hosts)))

    def said(self) -> str:
        return "\n".join(f"--- {host.folder.name}\n{host.said}" for host in self.hosts)

    def ends_with(self, *expected: tuple[Process, int]) -> None:
        """The exit codes of processes are these."""
        assert [process.wait(900) for process, _ in expected] == [code for _, code in expected], self.said()

    def ends_without(self, dead: Host, process: Process) -> None:
        """A sweep ends that goes on without another host's: it says which records were left there, if any were."""
        code = process.wait(900)
        assert code == int(f"their records wait on {dead.name} (" in self.said()), self.said()
        if code:
            assert list((dead.folder / "outputs" / "spool").glob("*.jsonl")), self.said()
        self.ends_with((dead.run("repair"), 0))

    def check(self) -> None:
        """Every trial is told once and has one finished run with all it should; nothing runs, nothing waits."""
        queue = self.queue()
        assert queue
        assert queue.counts() == TrialCounts(complete=TRIALS), self.said()
        counted = [trial for trial in queue.trials() if has_ended(trial)]
        parent = queue.study().user_attrs[STATE]["run_id"]
        with closing(sqlite3.connect(self.services.folder / "mlflow.db")) as db:
            found = "SELECT run_uuid FROM tags WHERE key = 'mlflow.parentRunId' AND value = :parent"
            runs = f"SELECT run_uuid, status FROM runs WHERE run_uuid = :parent OR run_uuid IN ({found})"
            metrics = f"SELECT run_uuid, key, step FROM metrics WHERE run_uuid IN ({found}) AND key LIKE '%/%'"
            status = dict(db.execute(runs, {"parent": parent}))
            points = db.execute(metrics, {"parent": parent}).fetchall()
        assert status.pop(parent) == "FINISHED"
        finished = [self._id(trial.user_attrs[RUN_ID]) for trial in counted]
        assert sorted(finished) == sorted(run for run, how in status.items() if how == "FINISHED"), self.said()
        assert Counter(status.values())["RUNNING"] == 0, status
        assert {count for count in Counter(points).values()} == {1}
        whole = Counter(run for run, key, _ in points if key == "val/loss")
        assert {run: whole[run] for run in finished} == dict.fromkeys(finished, EPOCHS)
        for host in self.hosts:
            assert [process.cmdline() for process in host.processes()] == []
            assert list((host.folder / "outputs" / "spool").glob("*")) == []
        assert "Traceback" not in self.said()

    def _id(self, run_id: str) -> str:
        """The id that the server gave a run, which the study may know by the one that it had before."""
        with closing(sqlite3.connect(self.services.folder / "mlflow.db")) as db:
            spooled = "SELECT run_uuid FROM tags WHERE key = 'lrlab.spooled_as' AND value = ?"
            found = db.execute(spooled, [run_id]).fetchall() if run_id.startswith("spooled-") else [(run_id,)]
        assert len(found) == 1, (run_id, found)
        return str(found[0][0])


@pytest.fixture
def sweep(services: Services, tmp_path: Path) -> Iterator[Sweep]:
    with ExitStack() as stack:
        yield Sweep(services, tmp_path, stack)


@pytest.fixture
def two(sweep: Sweep) -> tuple[Host, Host]:
    return sweep.host("one"), sweep.host("other")


def test_undisturbed(sweep: Sweep, two: tuple[Host, Host]) -> None:
    sweep.ends_with(*[(sweep.begin(host), 0) for host in two])
    sweep.check()


def test_a_worker_is_killed(sweep: Sweep, two: tuple[Host, Host]) -> None:
    one, other = two
    killed, goes_on = sweep.begin(one), sweep.begin(other)
    sweep.wait_until_both_train()
    one.processes()[0].kill()
    sweep.ends_with((killed, -signal.SIGKILL))
    sweep.ends_without(one, goes_on)
    sweep.check()


def test_one_of_several_workers_is_killed(sweep: Sweep, two: tuple[Host, Host]) -> None:
    one, other = two
    several = sweep.begin(one, "hydra/launcher=joblib", "hydra.sweeper.n_jobs=2")
    goes_on = sweep.begin(other)
    sweep.wait_until_both_train()
    sweep.wait_until(lambda: len(sweep.runs_on(one)) == 2)
    workers = [each for each in one.processes() if "loky.backend.popen_loky_posix" in " ".join(each.cmdline())]
    workers[0].kill()
    sweep.ends_with((several, 0), (goes_on, 0))
    assert "A worker died" in one.said
    sweep.check()


def test_a_host_dies(sweep: Sweep, two: tuple[Host, Host]) -> None:
    dead, alive = two
    sweep.begin(dead)
    goes_on = sweep.begin(alive)
    sweep.wait_until_both_train()
    left = sweep.runs_on(dead)
    dead.cut()
    dead.end()
    took = sweep.wait_until(lambda: not set(left) & set(sweep.runs_on(dead)))
    print(f"what ran on the host that died was taken over after {took:.1f} s, with a lease of {LEASE} s")
    assert took < 60
    dead.mend()
    dead.begin(reboot=True)
    sweep.ends_without(dead, goes_on)
    sweep.check()


def test_a_host_dies_that_prepares_a_study(sweep: Sweep, two: tuple[Host, Host]) -> None:
    """The server of the database does not hear of it."""
    dead, alive = two
    dead.python("-c", HOLD_LOCK, sweep.services.postgresql.url)
    sweep.wait_until(lambda: "held" in dead.said)
    dead.cut()
    dead.end()
    goes_on = sweep.begin(alive)
    took = sweep.wait_until(lambda: sweep.runs_on(alive))
    print(f"the first trial ran {took:.1f} s later")
    sweep.ends_with((goes_on, 0))
    dead.begin(reboot=True)
    sweep.check()


@pytest.mark.parametrize("seconds", [30, 25, 4])
def test_the_network_is_cut(sweep: Sweep, two: tuple[Host, Host], seconds: int) -> None:
    """For longer than the lease, and for less."""
    cut, _ = two
    both = [(sweep.begin(host), 0) for host in two]
    sweep.wait_until_both_train()
    cut.cut()
    time.sleep(seconds)
    cut.mend()
    sweep.ends_with(*both)
    sweep.check()


def test_the_database_is_started_again(sweep: Sweep, two: tuple[Host, Host], services: Services) -> None:
    both = [(sweep.begin(host), 0) for host in two]
    sweep.wait_until_both_train()
    services.postgresql.stop(signal.SIGQUIT)
    time.sleep(5)
    services.postgresql.start()
    sweep.ends_with(*both)
    sweep.check()


def test_the_server_of_runs_is_started_again(sweep: Sweep, two: tuple[Host, Host], services: Services) -> None:
    both = [(sweep.begin(host), 0) for host in two]
    sweep.wait_until_both_train()
    services.kill_mlflow()
    time.sleep(10)
    services.start_mlflow()
    sweep.ends_with(*both)
    sweep.check()


def test_ctrl_c_on_one_host(sweep: Sweep, two: tuple[Host, Host]) -> None:
    stopped, other = two
    told, goes_on = sweep.begin(stopped), sweep.begin(other)
    sweep.wait_until_both_train()
    stopped.processes()[0].send_signal(signal.SIGINT)
    sweep.ends_with((told, 130), (goes_on, 0))
    assert f"lrlab resume {sweep.study}" in stopped.said
    sweep.check()


def test_a_clone_that_lives_keeps_its_trials(sweep: Sweep) -> None:
    """Two hosts of one name and one machine id, of which one begins while the other trains."""
    first = sweep.host("first")
    second = sweep.host("second", clone_of=first)
    begun = sweep.begin(first)
    sweep.wait_until(lambda: sweep.counts().done >= 2)
    sweep.ends_with((second.run("repair"), 0), (sweep.begin(second), 0), (begun, 0))
    sweep.check()
    assert all("was taken over" not in host.said for host in sweep.hosts)
    queue = sweep.queue()
    assert queue
    assert len(queue.trials()) == TRIALS


def test_a_container_is_started_again(sweep: Sweep) -> None:
    """It has the same name, the same machine id, and the numbers of its processes begin anew."""
    container = sweep.host("container")
    sweep.begin(container)
    sweep.wait_until(lambda: sweep.counts().done >= 2 and sweep.runs_on(container))
    container.end()
    container.begin(reboot=False)
    sweep.ends_with((sweep.begin(container), 0))
    sweep.check()
