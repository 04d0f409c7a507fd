"""What is seen while the lecture is measured."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich import progress as bars
from rich.console import Console

from lrlab.lecture.claims import ChapterResult


class Progress:
    """A bar for the chapters, and one for the training that runs.

    Args:
        bar: that shows both.
        chapters: how many there are.
    """

    def __init__(self, bar: bars.Progress, chapters: int) -> None:
        self._bar = bar
        self._chapters = bar.add_task("lecture", total=chapters)
        self._work = bar.add_task("", total=1)

    def begin(self, title: str) -> None:
        """A chapter begins."""
        self._bar.update(self._chapters, description=title)
        self.watch("", 0)

    def watch(self, what: str, part: float) -> None:
        """So much of some work is done."""
        self._bar.update(self._work, description=what, completed=part)

    def end(self, title: str, finding: ChapterResult, seconds: float) -> None:
        """A chapter is over."""
        self._bar.advance(self._chapters)
        held = sum(claim.holds for claim in finding.claims)
        self._bar.console.print(f"{title}: {held} of {len(finding.claims)} claims hold ({seconds:.0f} s)")


@contextmanager
def shown(chapters: int, console: Console) -> Iterator[Progress]:
    """Show the progress of so many chapters."""
    columns = bars.TextColumn("{task.description}"), bars.BarColumn(), bars.TimeElapsedColumn()
    with bars.Progress(*columns, console=console, transient=True) as bar:
        yield Progress(bar, chapters)
