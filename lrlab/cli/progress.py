"""Progress bars on stderr: of a training, of a confirmation, of the lecture, of a download."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from lrlab.cli.console import err, metrics_line
from lrlab.runtime.display import can_redraw

if TYPE_CHECKING:
    from lrlab.lecture.claims import ChapterResult
    from lrlab.training.experiment import EpochResult

WHOLE = Column(no_wrap=True)  # of numbers: where a terminal is narrow, bar and description give way


@contextmanager
def epoch_progress() -> Iterator[Callable[["EpochResult", int], None]]:
    """Yield what takes every epoch's result and the number of epochs; a line for about every twentieth stays."""
    with _bar(MofNCompleteColumn(table_column=WHOLE), TimeRemainingColumn(table_column=WHOLE)) as bar:
        task = bar.add_task("training", total=None)

        def watch(result: "EpochResult", total: int) -> None:
            bar.update(task, completed=result.epoch, total=total)
            every = -(-total // 20)
            if result.epoch % every == 0 or result.epoch == total or result.diverged:
                epoch = f"epoch {result.epoch:>{len(str(total))}}/{total}"
                bar.console.print(f"{epoch}  {metrics_line(result.metrics)}")

        yield watch


@contextmanager
def step_progress(description: str) -> Iterator[Callable[[int, int], None]]:
    """Yield what takes the number of steps done and of all."""
    with _bar(MofNCompleteColumn(table_column=WHOLE), TimeRemainingColumn(table_column=WHOLE)) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def fetch_progress(console: Console | None = None) -> Iterator[Callable[[str, int, int], None]]:
    """Yield what takes the name of some work, how much of it is done, and how much there is (0: unknown)."""
    with _bar(TaskProgressColumn(table_column=WHOLE), TimeRemainingColumn(table_column=WHOLE), console=console) as bar:
        tasks: dict[str, TaskID] = {}

        def watch(work: str, done: int, total: int) -> None:
            if work not in tasks:
                tasks[work] = bar.add_task(work)
            bar.update(tasks[work], completed=done, total=total or None)

        yield watch


class LectureProgress:
    """A bar for the chapters, and one for the training that runs.

    Args:
        bar: shows both.
        chapters: how many there are.
    """

    def __init__(self, bar: Progress, chapters: int) -> None:
        self._bar = bar
        self._chapters = bar.add_task("lecture", total=chapters)
        self._work = bar.add_task("", total=1)

    def begin(self, title: str) -> None:
        """Show that a chapter begins."""
        self._bar.update(self._chapters, description=title)
        self.watch("", 0)

    def watch(self, what: str, part: float) -> None:
        """Show which part of some work, from 0 to 1, is done."""
        self._bar.update(self._work, description=what, completed=part)

    def end(self, title: str, result: "ChapterResult", seconds: float) -> None:
        """Show the result of a chapter."""
        self._bar.advance(self._chapters)
        held = sum(claim.holds for claim in result.claims)
        self._bar.console.print(f"{title}: {held} of {len(result.claims)} claims hold ({seconds:.0f} s)")


@contextmanager
def lecture_progress(chapters: int, console: Console | None = None) -> Iterator[LectureProgress]:
    """Show the progress of so many chapters."""
    with _bar(TimeElapsedColumn(table_column=WHOLE), console=console) as bar:
        yield LectureProgress(bar, chapters)


def _bar(*columns: ProgressColumn, console: Console | None = None) -> Progress:
    """Return a bar that a terminal or a notebook shows; what is printed on its console stays."""
    console = console or err()
    description = TextColumn("{task.description}", markup=False, table_column=Column())
    disable = not can_redraw(console)
    return Progress(description, BarColumn(), *columns, console=console, transient=True, disable=disable)
