import os
import signal
import sys
from pathlib import Path

import pytest

from lrlab.runtime import child_process


@pytest.mark.parametrize("code", [0, 3])
def test_the_exit_code_is_the_child_s(code: int) -> None:
    assert child_process.run([sys.executable, "-c", f"raise SystemExit({code})"], os.environ) == code


def test_a_child_that_a_signal_ended() -> None:
    program = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert child_process.run([sys.executable, "-c", program], os.environ) == 128 + signal.SIGKILL


def test_environment_and_output(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as file:
        program = "import os; print(os.environ['NAME'])"
        child_process.run([sys.executable, "-c", program], {**os.environ, "NAME": "value"}, file.fileno())
    assert (tmp_path / "out").read_text() == "value\n"
