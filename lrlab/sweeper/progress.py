"""How far a sweep is: a live line on a terminal, else a plain one now and then; works under any launcher."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lrlab.runtime.display import can_redraw
from lrlab.sweeper.objective import objective_of
from lrlab.sweeper.study.queue import Queue, TrialCounts

REFRESH_INTERVAL = 0.5  # seconds between displays, if reading the study is quick
PLAIN_INTERVAL = 10.0  # seconds between lines where there is no terminal
MAX_OVERHEAD = 20  # reading the study takes at most one part in MAX_OVERHEAD of the time


@dataclass(frozen=True)
class SweepStatus:
    """What is shown.

    Attributes:
        best: number and objective of the best trial; None with several objectives or none complete.
        done_before: trials that were done when this sweep began.
        elapsed: seconds since then.
        objective: what it is of.
    """

    counts: TrialCounts
    best: tuple[int, float] | None
    done_before: int
    elapsed: float
    objective: str = "objective"

    def line(self) -> str:
        counts = self.counts
        states = f"{counts.done}/{counts.total} done, {counts.running} running"
        parts = [f"{states}, {counts.pruned} pruned, {counts.failed} failed"]
        if counts.diverged:
            parts.append(f"{counts.diverged} diverged")
        if self.best:
            parts.append(f"best {self.objective} {self.best[1]:.4g} (trial {self.best[0]})")
        new = counts.done - self.done_before
        if new > 0 and self.elapsed > 0:
            parts.append(_rate(60 * new / self.elapsed))
            if counts.done < counts.total:
                parts.append(f"{_clock((counts.total - counts.done) * self.elapsed / new)} left")
        return ", ".join(parts)

    def display(self) -> Table:
        grid = Table.grid()
        grid.add_row(ProgressBar(total=max(1, self.counts.total), completed=self.counts.done, width=60))
        grid.add_row(Text(self.line()))
        return grid


@contextmanager
def show_progress(queue: Queue, console: Console | None = None) -> Iterator[None]:
    """Show the status of a study while this lasts, from a thread with its own handle."""
    console = console or Console(stderr=True)
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(queue, console, over), name="sweep progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(queue: Queue, console: Console, over: threading.Event) -> None:
    read = _status_reader(queue)
    if can_redraw(console):
        with Live(console=console, auto_refresh=False) as live:
            _every(REFRESH_INTERVAL, over, lambda: live.update(read().display(), refresh=True))
    else:
        _every(PLAIN_INTERVAL, over, lambda: console.print(f"sweep: {read().line()}", soft_wrap=True, highlight=False))


def _every(seconds: float, over: threading.Event, act: Callable[[], None]) -> None:
    """Act now and then, and once more at the end."""
    wait = seconds
    while not over.wait(wait):
        start = time.monotonic()
        act()
        wait = max(seconds, MAX_OVERHEAD * (time.monotonic() - start))
    act()


def _status_reader(queue: Queue) -> Callable[[], SweepStatus]:
    study = queue.study()
    directions = study.directions
    objective = objective_of(study) if len(directions) == 1 else ""
    before, start = queue.counts().done, time.monotonic()

    def read() -> SweepStatus:
        trials = queue.trials()
        best = _best(trials, directions[0]) if len(directions) == 1 else None
        return SweepStatus(TrialCounts.of(trials), best, before, time.monotonic() - start, objective)

    return read


def _best(trials: list[FrozenTrial], direction: StudyDirection) -> tuple[int, float] | None:
    complete = [
        (trial.number, trial.value)
        for trial in trials
        if trial.state == TrialState.COMPLETE and trial.value is not None
    ]
    choose = max if direction == StudyDirection.MAXIMIZE else min
    return choose(complete, key=lambda trial: trial[1], default=None)


def _rate(per_minute: float) -> str:
    """Return trials per minute with two digits at least, and none of powers of ten."""
    shown = f"{per_minute:,.0f}" if per_minute >= 10 else f"{per_minute:.2g}"
    return f"{shown} trials/min"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
