"""A bar that shows how many records are delivered, where that takes longer than a moment."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lrlab.runtime.display import can_redraw
from lrlab.runtime.signals import handle_signals

MOMENT = 1.0  # seconds


@contextmanager
def delivery_progress(uri: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yield what takes the number of records that are left.

    Args:
        uri: of the server, without its password.
        total: how many there are.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    bar = Progress(*columns, console=console, transient=True, disable=not can_redraw(console))
    task, start, is_shown = bar.add_task(f"delivering records to {uri}", total=total), time.monotonic(), False

    def update(left: int) -> None:
        nonlocal is_shown
        if not is_shown and time.monotonic() - start > MOMENT:
            bar.start()
            is_shown = True
        bar.update(task, total=max(total, left), completed=max(total, left) - left)

    try:
        yield update
    finally:
        if is_shown:
            bar.stop()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the block, and nothing else."""
    with handle_signals() as signals:
        try:
            with signals.interruptible():
                yield
        except (KeyboardInterrupt, SystemExit):
            if signals.received is None:
                raise
