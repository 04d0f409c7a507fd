"""A command as a process: which signals end it, when, and with which exit code."""

import asyncio
import os
import signal
import subprocess
import sys
import threading

import pytest

from lrlab.runtime import entrypoint

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
CLEANING = """
import atexit, logging, os, signal, sys, time
from functools import partial
from lrlab.runtime import entrypoint

logging.basicConfig(level="INFO", format="%(name)s: %(message)s")

def command(first, second, when):
    send = partial(os.kill, os.getpid(), getattr(signal, second))
    if when == "once cleaning":
        atexit.register(send)
    else:
        sys.modules["last"] = type("Last", (), {"__del__": lambda self, send=send: send()})()
    if first != "none":
        os.kill(os.getpid(), getattr(signal, first))
        time.sleep(1)
    return 0

entrypoint.run_program(partial(command, *sys.argv[1:]))
"""


@pytest.mark.parametrize("first", ["none", "SIGINT", "SIGTERM"])
@pytest.mark.parametrize("second", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("when", ["once cleaning", "at the very end"])
def test_a_signal_after_the_work_does_not_change_the_exit_code(first: str, second: str, when: str) -> None:
    done = subprocess.run([sys.executable, "-c", CLEANING, first, second, when], capture_output=True, text=True)
    assert done.returncode == {"none": 0, "SIGINT": 130, "SIGTERM": 143}[first], done.stderr
    assert done.stderr == ("lrlab.runtime.entrypoint: interrupted\n" if first == "SIGINT" else "")


def test_the_exit_code_is_the_command_s() -> None:
    program = "from lrlab.runtime import entrypoint; entrypoint.run_program(lambda: 7)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 7


@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize(
    "write",
    [
        "print('x' * 100_000)",
        "print('x')",
        "logging.basicConfig(stream=sys.stdout); logging.warning('x'); print('x')",
    ],
)
def test_a_reader_who_left_costs_no_traceback(write: str, buffered: str) -> None:
    program = f"""
import logging, sys
from lrlab.runtime import entrypoint
def command():
    {write}
    return 0
entrypoint.run_program(command)
"""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            stdout=writing,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": buffered},
            text=True,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_command_writes_for_its_user_alone() -> None:
    before = os.umask(0o022)
    try:
        masks: list[int] = []

        def note() -> int:
            masks.append(os.umask(0o077))
            return 0

        entrypoint.run_command(note)
        assert masks == [0o077]
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


@pytest.mark.parametrize("signum", CODES)
def test_a_signal_ends_a_command(signum: signal.Signals) -> None:
    def command() -> int:
        os.kill(os.getpid(), signum)
        signal.pause()
        return 0

    if signum == signal.SIGTERM:
        with pytest.raises(SystemExit, match="143"):
            entrypoint.run_command(command)
    else:
        assert entrypoint.run_command(command) == 130


def test_a_command_runs_in_another_thread() -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(entrypoint.run_command(lambda: 7)))
    thread.start()
    thread.join()
    assert codes == [7]


def test_a_command_runs_inside_an_event_loop_and_leaves_its_handlers() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, lambda: None)
        before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
        code = entrypoint.run_command(lambda: 7)
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        return code

    assert asyncio.run(main()) == 7
