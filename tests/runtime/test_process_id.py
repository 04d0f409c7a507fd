import os
import signal
import socket
import subprocess
import sys

import psutil
import pytest

from lrlab.runtime import process_id
from lrlab.runtime.process_id import ProcessId, has_ended_here, is_gone, is_running_here, parent


def ended() -> str:
    """A process that is over."""
    program = "from lrlab.runtime.process_id import ProcessId; print(ProcessId.current())"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_this_process_is_alive_and_one_that_ended_is_gone() -> None:
    assert not is_gone(str(ProcessId.current()))
    assert is_gone(ended())


def test_text_and_back() -> None:
    current = ProcessId.current()
    parsed = ProcessId.parse(str(current))
    assert parsed is not None
    assert parsed[:5] == current[:5]
    assert parsed.start == pytest.approx(current.start, abs=0.01)
    assert " " not in str(current)


def test_a_zombie_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    current = ProcessId.current()
    them = str(current._replace(pid=child.pid, start=process_id._start(child.pid)))
    assert not is_gone(them)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(them)
    assert child.stdin
    child.stdin.close()
    child.wait()


def test_a_clock_that_is_set_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    if not psutil.LINUX:
        pytest.skip("elsewhere the start of a process is recorded in absolute time")
    before = str(ProcessId.current())
    create_time, boot_time = psutil.Process.create_time, psutil.boot_time
    monkeypatch.setattr(psutil, "boot_time", lambda: boot_time() + 3600)
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: create_time(self) + 3600)
    assert not is_gone(before)


def test_a_process_of_another_user_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: psutil.Process) -> str:
        raise psutil.AccessDenied(self.pid)

    monkeypatch.setattr(psutil.Process, "status", denied)
    assert not is_gone(str(ProcessId.current()))


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ({"start": 1.0}, True),  # its number was given to a later one
        ({"boot": "before"}, True),
        ({"host": "elsewhere"}, False),
        ({"host": "elsewhere", "boot": "another", "pid": 999999999}, False),
        ({"machine": "another of this name", "boot": "another"}, False),
        ({"namespace": "pid:[1]", "pid": 999999999}, False),
    ],
)
def test_only_what_certainly_is_gone_is_gone(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, object], gone: bool
) -> None:
    monkeypatch.setattr(process_id, "_machine", lambda: ("here", "m", "b", "n"))
    assert is_gone(str(ProcessId.current()._replace(**change))) is gone  # type: ignore[arg-type]


def test_machines_without_an_id_that_share_a_name_may_be_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_id, "_machine", lambda: ("localhost", "", "b", "n"))
    assert not is_gone(str(ProcessId.current()._replace(boot="another")))


@pytest.mark.parametrize("text", ["", "host/1/2", "a/b/c/d/e/f/g", "a/b/c/d/no number/1.0", "a/b/c/d/1/no number"])
def test_another_text_is_not_gone(text: str) -> None:
    assert ProcessId.parse(text) is None
    assert not is_gone(text)


def test_a_machine_can_be_declared_lost() -> None:
    away = str(ProcessId.current()._replace(host="elsewhere"))
    assert process_id.host(away) == "elsewhere"
    assert is_gone(away, lost_hosts=["elsewhere"])
    assert not is_gone(away, lost_hosts=[socket.gethostname()])


def test_the_parent_of_a_process() -> None:
    assert parent(os.getpid()) == os.getppid()
    assert parent(999999999) is None


@pytest.mark.parametrize(
    "change", [{"boot": "a clone's"}, {"host": "elsewhere"}, {"machine": "m"}, {"namespace": "pid:[1]"}]
)
@pytest.mark.parametrize("pid", [pytest.param(os.getpid(), id="own"), 999999999])
def test_of_what_cannot_be_seen_neither_life_nor_death_is_known(change: dict[str, str], pid: int) -> None:
    other = str(ProcessId.current()._replace(pid=pid, **change))  # type: ignore[arg-type]
    assert not has_ended_here(other)
    assert not is_running_here(other)


def test_what_is_no_process_is_not_known_either() -> None:
    assert not has_ended_here("somebody")
    assert not is_running_here("")


def test_a_stopped_process_neither_runs_nor_has_ended() -> None:
    assert is_running_here(str(ProcessId.current()))
    assert has_ended_here(ended())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        them = str(ProcessId.current()._replace(pid=child.pid, start=process_id._start(child.pid)))
        assert is_running_here(them)
        child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED)
        assert not is_running_here(them)
        assert not has_ended_here(them)
        child.kill()


def test_the_system_is_asked_once_when_this_process_began(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ProcessId.current()
    monkeypatch.delattr(psutil, "Process")
    assert ProcessId.current() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_is_another_one() -> None:
    before = ProcessId.current()
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, str(ProcessId.current()).encode())
        os._exit(0)
    os.wait()
    child = ProcessId.parse(os.read(read, 1000).decode())
    assert child is not None
    assert (child.pid != before.pid, child.start >= before.start) == (True, True)
    for end in (read, write):
        os.close(end)
