import os
import signal
import threading

import pytest

from lrlab.sweep.stopping import stoppable

RAISED = [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]


def send(signum: int) -> None:
    os.kill(os.getpid(), signum)
    for _ in range(100):  # Python handles a signal between two of its own instructions
        pass


@pytest.mark.parametrize(("signum", "raised"), RAISED)
def test_a_signal_raises_at_once_where_that_is_allowed(signum, raised):
    with stoppable() as stop, pytest.raises(raised), stop.at_once():
        send(signum)


@pytest.mark.parametrize(("signum", "raised"), RAISED)
def test_elsewhere_it_waits_until_then(signum, raised):
    reached = False
    with stoppable() as stop:
        send(signum)
        reached = True
        with pytest.raises(raised), stop.at_once():
            reached = False
    assert reached


def test_the_second_one_insists():
    with stoppable():
        send(signal.SIGINT)
        with pytest.raises(SystemExit) as stopped:
            send(signal.SIGTERM)
    assert stopped.value.code == 128 + signal.SIGTERM


def test_the_handlers_are_put_back():
    before = [signal.getsignal(signum) for signum, _ in RAISED]
    with stoppable():
        assert [signal.getsignal(signum) for signum, _ in RAISED] != before
    assert [signal.getsignal(signum) for signum, _ in RAISED] == before


def test_other_threads_leave_signals_alone():
    seen = []

    def work():
        with stoppable() as stop, stop.at_once():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
