import os
import socket
import subprocess
import sys

import pytest

from lrlab.runtime import process_id
from lrlab.runtime.process_id import ProcessId, is_gone, this_process


def ended() -> str:
    """A process that is over."""
    program = "from lrlab.runtime.process_id import this_process; print(this_process())"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_this_process_is_alive_and_one_that_ended_is_dead():
    assert not is_gone(this_process())
    assert is_gone(ended())


def test_a_zombie_is_dead():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    them = str(ProcessId(*process_id._place(), str(child.pid), process_id._start(child.pid)))
    assert not is_gone(them)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(them)
    assert child.stdin
    child.stdin.close()
    child.wait()


@pytest.mark.parametrize(
    ("change", "dead"),
    [
        ({"start": "1"}, True),  # its number was given to a later one
        ({"boot": "before"}, True),
        ({"host": "elsewhere"}, False),
        ({"host": "elsewhere", "boot": "another", "pid": "999999999"}, False),
        ({"machine": "another of this name", "boot": "another"}, False),
        ({"namespace": "pid:[1]", "pid": "999999999"}, False),
    ],
)
def test_only_what_surely_is_gone_is_dead(monkeypatch, change, dead):
    monkeypatch.setattr(process_id, "_place", lambda place=("here", "m", "b", "n"): place)
    me = ProcessId.parse(this_process())
    assert me
    assert is_gone(str(me._replace(**change))) is dead


def test_machines_without_a_number_that_share_a_name_may_be_two(monkeypatch):
    monkeypatch.setattr(process_id, "_place", lambda place=("localhost", "", "b", "n"): place)
    me = ProcessId.parse(this_process())
    assert me
    assert not is_gone(str(me._replace(boot="another")))


@pytest.mark.parametrize("text", ["", "host/1/2", "a/b/c/d/e/f/g", "a/b/c/d/no number/f"])
def test_what_is_no_owner_is_not_dead(text):
    assert not is_gone(text)


def test_a_machine_can_be_declared_gone():
    me = ProcessId.parse(this_process())
    assert me
    away = str(me._replace(host="elsewhere"))
    assert process_id.host(away) == "elsewhere"
    assert is_gone(away, lost_hosts=["elsewhere"])
    assert not is_gone(away, lost_hosts=[socket.gethostname()])
