import os
import signal
import time

import pytest

from lrlab.tracking import delivery_progress as module
from lrlab.tracking.delivery_progress import delivery_progress, interruptible


@pytest.mark.parametrize("terminal", [False, True])
def test_a_bar_is_shown_where_it_takes_longer_than_a_moment(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1" if terminal else "")  # by which Rich takes what it writes to for a terminal
    monkeypatch.setattr(module, "MOMENT", 0.0)
    with delivery_progress("http://host:1", 3) as update:
        time.sleep(0.01)
        update(2)
        update(4)  # another process has left some
        time.sleep(0.3)
    assert ("delivering" in capsys.readouterr().err) == terminal


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_waiting_and_nothing_else(signum: signal.Signals) -> None:
    passed = False
    with interruptible():
        os.kill(os.getpid(), signum)
        time.sleep(5)
        passed = True
    assert not passed


def test_an_error_passes() -> None:
    with pytest.raises(SystemExit), interruptible():
        raise SystemExit(3)
