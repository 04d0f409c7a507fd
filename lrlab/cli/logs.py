"""What the library logs, as lines on stderr, while a command runs."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class StderrHandler(logging.Handler):
    """Print each record as one line on what is stderr at that time: a progress bar may have replaced it."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"lrlab: {record.getMessage()}", file=sys.stderr)


@contextmanager
def logs_on_stderr() -> Iterator[None]:
    """Show what lrlab's loggers record, and leave them as they were."""
    logger, handler = logging.getLogger("lrlab"), StderrHandler()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False  # Hydra's console handler would show each record again
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate
