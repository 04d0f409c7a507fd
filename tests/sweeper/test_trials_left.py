"""Sweeps that end before all trials are done, by their time limit or by a signal, and what of them is kept."""

import os
import signal
import time
from pathlib import Path

import pytest
from omegaconf import DictConfig

from lrlab.errors import InputError
from lrlab.sweeper.study.queue import Queue, TrialCounts
from lrlab.sweeper.study.storage import parse
from tests.multirun import Multirun

JOURNAL = "hydra.sweeper.study_name=s"


def said(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> str:
    """What was logged: on the terminal from the first job on, which a busy machine may not reach in time."""
    return capsys.readouterr().out + caplog.text


def queue(name: str = "s") -> Queue:
    return Queue(parse(None, Path.cwd()), name)


def test_the_time_limit_interrupts_what_runs_and_the_rest_is_resumed(
    multirun: Multirun, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    slow = [3]

    def task(config: DictConfig) -> float:
        if config.x in slow:
            time.sleep(30)
        return float(config.x)

    with pytest.raises(SystemExit) as end:
        multirun(task, "x=1,2,3,4", "hydra.sweeper.timeout=2s", JOURNAL, x=0)
    counts = queue().counts()
    assert end.value.code == 1
    assert (counts.running, counts.failed, counts.total) == (0, 0, 4)
    assert counts.waiting >= 2
    line = f"the time limit, hydra.sweeper.timeout, was reached with {counts.done} of 4 trials done, "
    assert f"{line}{counts.waiting} waiting; the same command with hydra.sweeper.study_name=s goes on" in said(
        capsys, caplog
    )
    slow.clear()
    multirun(task, "x=1,2,3,4", "hydra.sweeper.timeout=1.5h", JOURNAL, x=0)
    assert queue().counts() == TrialCounts(complete=4)


def test_what_a_job_makes_of_its_interruption_is_no_result(multirun: Multirun) -> None:
    def task(config: DictConfig) -> float:
        try:
            time.sleep(30)
        except BaseException as error:
            if config.x == 2:
                raise RuntimeError("stopped") from error
        return 0.0

    for x in (1, 2):
        with pytest.raises(SystemExit):
            multirun(task, f"x={x}", "hydra.sweeper.timeout=1", f"hydra.sweeper.study_name=s{x}", x=0)
        assert queue(f"s{x}").counts() == TrialCounts(waiting=1)


def test_a_study_in_memory_cannot_be_gone_on_with(
    multirun: Multirun, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        multirun(lambda _: time.sleep(30), "x=1,2", "hydra.sweeper.timeout=1", "hydra.sweeper.storage=memory", x=0)
    assert "was reached with 0 of 2 trials done, 2 waiting\n" in said(capsys, caplog)


@pytest.mark.parametrize("limit", ["soon", "-1", "0", "1h30m", "[]", "true"])
def test_a_limit_that_is_none_is_refused_before_anything_is_written(multirun: Multirun, limit: str) -> None:
    with pytest.raises(InputError, match=r"^hydra\.sweeper\.timeout must be a number of seconds > 0, or like 45s, 90m"):
        multirun(lambda _: 0.0, "x=1,2", f"hydra.sweeper.timeout={limit}", x=0)
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_application_without_a_traceback(multirun: Multirun, signum: int) -> None:
    with pytest.raises(SystemExit) as ended:
        multirun(lambda config: os.kill(os.getpid(), signum), "x=1,2", x=0)
    assert ended.value.code == 128 + signum


def test_an_interrupt_that_no_signal_caused_is_shown_as_it_is(multirun: Multirun) -> None:
    def task(config: DictConfig) -> None:
        raise KeyboardInterrupt("of the task's own")

    with pytest.raises(KeyboardInterrupt, match="of the task's own"):
        multirun(task, "x=1,2", x=0)
