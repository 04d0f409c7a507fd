"""A database that is away for a while: what was under way is tried again, until it is back."""

import logging
import random
import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import DBAPIError

RETRY_TIME = 600.0  # seconds for which a database may be away
LONGEST_WAIT = 5.0  # seconds between two tries

log = logging.getLogger(__name__)

P = ParamSpec("P")
S = TypeVar("S", bound="_Retries")
R = TypeVar("R")

# SQLSTATE classes and codes of a server that ends, starts or is full, and of transactions that it has undone or ended
LOST_CLASSES = ("08", "40")
LOST_CODES = ("57P01", "57P02", "57P03", "53300", "25006", "25P03")


class _Retries(Protocol):
    retry_time: float


def is_lost(error: BaseException | None) -> bool:
    """Return whether the same may go well again: the connection was lost, the server is away, or gave way to others."""
    while error is not None:
        if isinstance(error, DBAPIError):
            state = getattr(error.orig, "sqlstate", getattr(error.orig, "pgcode", None))
            if state:
                return state[:2] in LOST_CLASSES or state in LOST_CODES
            names = {kind.__name__ for kind in type(error.orig).__mro__}
            is_server = "sqlite3" not in type(error.orig).__module__
            return error.connection_invalidated or (is_server and bool(names & {"OperationalError", "InterfaceError"}))
        error = error.__cause__
    return False


def again_if_lost(call: Callable[[], R], retry_time: float = RETRY_TIME) -> R:
    """Return what a call does, which is made again while its database is away.

    What the database has done and could not tell is done again: the call must be one that may be.

    Args:
        call: talks to the database.
        retry_time: seconds for which it may be away.
    """
    began, wait = time.monotonic(), 0.1
    while True:
        try:
            result = call()
        except (DBAPIError, StorageInternalError) as error:
            if not is_lost(error) or time.monotonic() - began > retry_time:
                raise
            if wait > 1:
                log.warning("the database of the study is away; it is tried again for %g s", retry_time)
            time.sleep(wait * random.uniform(0.5, 1))
            wait = min(2 * wait, LONGEST_WAIT)
        else:
            if wait > 1:
                log.warning("the database of the study is back")
            return result


def retried(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Make the calls of a method `again_if_lost`, for the `retry_time` of its object."""

    @wraps(method)
    def retried_method(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        return again_if_lost(lambda: method(self, *args, **kwargs), self.retry_time)

    return retried_method  # type: ignore[return-value]  # mypy takes `self` for a name that may be given
