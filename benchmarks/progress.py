"""What the terminal shows while something is measured."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

ERR = Console(stderr=True, highlight=False, soft_wrap=True)


@dataclass
class Watch:
    """The bar of one figure."""

    progress: Progress
    task: TaskID

    def steps(self, count: int) -> None:
        """So many more steps are to come."""
        before = self.progress.tasks[self.progress.task_ids.index(self.task)].total or 0
        self.progress.update(self.task, total=before + count)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Name a step while it lasts; a line with its time stays."""
        start = time.perf_counter()
        self.progress.update(self.task, step=text)
        yield
        self.progress.update(self.task, advance=1)
        ERR.print(f"  {text}: {time.perf_counter() - start:.1f} s")


@contextmanager
def watching(figure: str) -> Iterator[Watch]:
    """Show the bar of a figure while this lasts."""
    columns = TextColumn(f"[bold]{figure}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, TextColumn("{task.fields[step]}"), console=ERR, transient=True) as progress:
        yield Watch(progress, progress.add_task(figure, total=None, step=""))
