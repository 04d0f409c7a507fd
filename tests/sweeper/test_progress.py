import io
import threading
from typing import Literal

import optuna
import pytest
from rich.console import Console

from lrlab.sweeper import progress
from lrlab.sweeper.progress import SweepStatus, show_progress
from lrlab.sweeper.study.queue import Queue, TrialCounts
from lrlab.sweeper.study.storage import Storage


def claim(queue: Queue) -> optuna.Trial:
    """Claim a trial that is known to wait."""
    trial = queue.claim()
    assert trial is not None
    return trial


@pytest.mark.parametrize(
    ("standing", "line"),
    [
        (SweepStatus(TrialCounts(waiting=4), None, 0, 3.0), "0/4 done, 0 running, 0 pruned, 0 failed"),
        (
            SweepStatus(TrialCounts(4, 2, 1, 2, 1), (7, 0.123456), 0, 60.0),
            "4/10 done, 2 running, 2 pruned, 1 failed, best objective 0.1235 (trial 7), 4 trials/min, 1:30 left",
        ),
        (
            SweepStatus(TrialCounts(complete=10), (7, 3.0), 5, 300.0),  # five of them in an earlier sweep
            "10/10 done, 0 running, 0 pruned, 0 failed, best objective 3 (trial 7), 1 trials/min",
        ),
        (
            SweepStatus(TrialCounts(complete=2800), (3, 0.5), 0, 120.0, "val/loss"),
            "2800/2800 done, 0 running, 0 pruned, 0 failed, best val/loss 0.5 (trial 3), 1,400 trials/min",
        ),
        (
            SweepStatus(TrialCounts(waiting=3600, complete=1), None, 0, 4.0),
            "1/3601 done, 0 running, 0 pruned, 0 failed, 15 trials/min, 4:00:00 left",
        ),
    ],
)
def test_lines(standing: SweepStatus, line: str) -> None:
    assert standing.line() == line


def shown(queue: Queue, terminal: bool, act=lambda: None) -> str:
    out = io.StringIO()
    with show_progress(queue, Console(file=out, force_terminal=terminal, width=120)):
        act()
    return out.getvalue()


def test_without_a_terminal_the_last_line_is_plain(queue: Queue) -> None:
    queue.enqueue_missing([{}] * 2)
    queue.complete(claim(queue), [0.5])
    assert shown(queue, False) == "sweep: 1/2 done, 0 running, 0 pruned, 0 failed, best val/loss 0.5 (trial 0)\n"


def test_without_a_terminal_a_line_comes_now_and_then(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    queue.enqueue_missing([{}] * 2)
    looks, trials = threading.Semaphore(0), queue.trials

    def look():
        looks.release()
        return trials()

    monkeypatch.setattr(progress, "PLAIN_INTERVAL", 0.01)
    monkeypatch.setattr(queue, "trials", look)
    lines = shown(queue, False, lambda: [looks.acquire(timeout=10) for _ in range(3)]).splitlines()
    assert len(lines) >= 2
    assert all(line.startswith("sweep: 0/2 done") for line in lines)


def test_on_a_terminal_the_line_is_under_a_bar(queue: Queue) -> None:
    queue.enqueue_missing([{}] * 2)
    queue.prune(claim(queue))
    text = shown(queue, True)
    assert "━" in text
    assert "1/2 done, 0 running, 1 pruned, 0 failed" in text


@pytest.mark.parametrize(
    ("direction", "best"),
    [("minimize", "best val/loss 1 (trial 0)"), ("maximize", "best val/accuracy 2 (trial 1)")],
)
def test_the_best_is_that_of_the_direction(
    storage: Storage, direction: Literal["minimize", "maximize"], best: str
) -> None:
    optuna.create_study(storage=storage.open(), study_name="s", direction=direction)
    queue = Queue(storage, "s")
    queue.enqueue_missing([{}] * 2)
    for value in (1, 2):
        trial = claim(queue)
        assert trial
        queue.complete(trial, [value])
    assert best in shown(queue, False)


def test_several_objectives_have_no_one_best(storage: Storage) -> None:
    optuna.create_study(storage=storage.open(), study_name="s", directions=["minimize", "minimize"])
    queue = Queue(storage, "s")
    queue.enqueue_missing([{}])
    trial = claim(queue)
    assert trial
    queue.complete(trial, [1, 2])
    assert "best" not in shown(queue, False)
