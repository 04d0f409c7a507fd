import os
import subprocess
import sys

import pytest

from lrlab.sweep.owner import is_dead, this_process

HOST, PID, START = this_process().split("/")


def test_this_process_lives():
    assert not is_dead(this_process())
    assert int(PID) == os.getpid()


def test_a_process_that_ended_is_dead_even_before_it_is_reaped():
    program = "from lrlab.sweep.owner import this_process; print(this_process(), flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True)
    owner = child.stdout.readline().strip()
    assert not is_dead(owner)
    child.stdin.close()
    while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT) is None:
        pass
    assert is_dead(owner)
    child.wait()
    assert is_dead(owner)
    child.stdout.close()


@pytest.mark.parametrize(
    ("owner", "dead"),
    [
        (f"{HOST}/{PID}/another start", True),  # the number was given to a later process
        (f"elsewhere/{PID}/{START}", False),  # nobody here can tell
        (f"{HOST}/1/0@long ago", True),
        ("", False),
        (f"{HOST}/x/y", False),
    ],
)
def test_other_owners(owner, dead):
    assert is_dead(owner) == dead
