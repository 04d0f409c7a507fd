import math
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from lrlab.runtime import signals
from lrlab.runtime.signals import FORWARDED, TimeLimitError, handle_signals

RAISED = [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]


def send(signum: int) -> None:
    os.kill(os.getpid(), signum)
    for _ in range(100):  # Python handles a signal between two of its own instructions
        pass


@pytest.mark.parametrize(("signum", "raised"), RAISED)
def test_a_signal_raises_at_once_where_that_is_allowed(signum, raised):
    with handle_signals() as stop, pytest.raises(raised), stop.interruptible():
        send(signum)


@pytest.mark.parametrize(("signum", "raised"), RAISED)
def test_elsewhere_it_waits_until_then(signum, raised):
    reached = False
    with handle_signals() as stop:
        send(signum)
        reached = True
        with pytest.raises(raised), stop.interruptible():
            reached = False
    assert reached


INSIST = """
import os, signal, sys, time
from lrlab.runtime.signals import handle_signals
with handle_signals() as stop:
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)  # the echo of a program that signals its child and its group
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(0.4)
    print("bookkeeping", flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(1)
    print("never reached")
"""


def test_the_second_one_ends_the_process_wherever_it_is():
    done = subprocess.run([sys.executable, "-c", INSIST], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGTERM, "bookkeeping\n", "")


def test_what_is_passed_on_counts_as_one_signal():
    with handle_signals() as stop, pytest.raises(SystemExit), stop.interruptible():
        send(FORWARDED)
    with handle_signals() as stop:
        send(FORWARDED)
        send(FORWARDED)
        assert stop.received == signal.SIGTERM


def test_what_is_forwarded_too_late_does_no_harm_to_a_worker() -> None:
    before = signal.signal(FORWARDED, signal.SIG_IGN)  # as a worker does first
    try:
        with handle_signals():
            pass
        send(FORWARDED)
        assert signal.getsignal(FORWARDED) == signal.SIG_IGN
    finally:
        signal.signal(FORWARDED, before)


def test_an_outer_handler_is_told():
    with handle_signals() as outer:
        with handle_signals() as inner:
            send(signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                inner.check()
        assert outer.received == signal.SIGINT


def test_a_signal_is_passed_on_and_raises_if_that_does_not_help(monkeypatch):
    monkeypatch.setattr(signals, "GRACE_PERIOD", 0.3)
    passed = []
    with handle_signals() as stop, stop.forward_until(lambda: passed.append(1)):
        send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            time.sleep(60)
    assert len(passed) >= 2


def test_where_all_end_in_time_nothing_raises():
    passed = []
    with handle_signals() as stop, stop.forward_until(lambda: passed.append(1)):
        send(signal.SIGINT)
        while not passed:
            time.sleep(0.01)
    assert stop.received == signal.SIGINT


def test_the_handlers_are_put_back():
    before = [signal.getsignal(signum) for signum, _ in RAISED]
    with handle_signals():
        assert [signal.getsignal(signum) for signum, _ in RAISED] != before
    assert [signal.getsignal(signum) for signum, _ in RAISED] == before


def test_other_threads_leave_signals_alone():
    seen = []

    def work():
        with handle_signals() as stop, stop.interruptible():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]


def test_forwarding_from_another_thread_only_runs_the_block() -> None:
    ran = []

    def work() -> None:
        with handle_signals() as stop, stop.forward_until(lambda: None):
            ran.append(signal.getsignal(signal.SIGALRM))

    before = signal.getsignal(signal.SIGALRM)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [before]


def test_the_handler_of_the_alarm_is_restored() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with handle_signals() as stop, stop.forward_until(lambda: None):
        assert signal.getsignal(signal.SIGALRM) != before
    assert signal.getsignal(signal.SIGALRM) == before


@pytest.mark.parametrize(("signum", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_signal_during_the_last_of_an_inner_block_interrupts_the_outer_one(
    signum: signal.Signals, error: type[BaseException]
) -> None:
    reached = []

    def work() -> None:
        with handle_signals() as outer, outer.interruptible():
            with handle_signals():
                os.kill(os.getpid(), signum)  # as while a run is recorded
                reached.append("recorded")
            reached.append("the next block")

    with pytest.raises(error):
        work()
    assert reached == ["recorded"]


def test_a_signal_waits_while_the_outer_block_is_recording() -> None:
    with handle_signals() as outer:
        with handle_signals():
            os.kill(os.getpid(), signal.SIGTERM)
        assert outer.received == signal.SIGTERM
        with pytest.raises(SystemExit), outer.interruptible():
            pass


def test_a_deadline_interrupts_and_no_outer_handler_hears_of_it():
    with handle_signals() as outer:
        with (
            pytest.raises(TimeLimitError),
            handle_signals() as stop,
            stop.until(time.time() + 0.05),
            stop.interruptible(),
        ):
            time.sleep(60)
        with outer.interruptible():
            send(0)
    assert (outer.received, outer.is_overdue) == (None, False)


def test_a_deadline_waits_for_what_may_not_be_interrupted():
    with handle_signals() as stop, stop.until(0.0):
        while not stop.is_overdue:
            time.sleep(0.001)
        send(FORWARDED)
        with pytest.raises(TimeLimitError), stop.interruptible():
            pass


def test_a_deadline_interrupts_once_and_a_signal_comes_first():
    def work() -> None:
        try:
            time.sleep(60)
        finally:
            send(FORWARDED)

    with handle_signals() as stop, stop.until(0.0):
        with pytest.raises(TimeLimitError), stop.interruptible():
            work()
        send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            stop.check()


@pytest.mark.parametrize("deadline", [math.inf, 1e300])
def test_a_deadline_that_is_far_away(deadline):
    with handle_signals() as stop, stop.until(deadline), stop.interruptible():
        assert not stop.is_overdue


def test_other_threads_have_no_deadline():
    def work():
        with handle_signals() as stop, stop.until(0.0), stop.interruptible():
            done.append(stop.is_overdue)

    done: list[bool] = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [False]
