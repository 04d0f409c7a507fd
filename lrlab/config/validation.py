"""Checks of configuration values: every refusal names the key, what is allowed and what was given."""

import errno
import math
import operator
import os
import tempfile
from collections.abc import Collection
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from lrlab.errors import InputError


def number(
    key: str,
    value: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
) -> None:
    """Refuse a value that is not a finite number within the bounds (bool is not a number).

    Raises:
        InputError: for example ``optimizer.lr must be a number > 0, got -1``.
    """
    bounds = [
        (">", above, operator.gt),
        (">=", at_least, operator.ge),
        ("<", below, operator.lt),
        ("<=", at_most, operator.le),
    ]
    asked = [(sign, bound, holds) for sign, bound, holds in bounds if bound is not None]
    if not (_finite(value) and all(holds(value, bound) for _, bound, holds in asked)):
        rule = " and ".join(f"{sign} {bound:g}" for sign, bound, _ in asked)
        raise InputError(f"{key} must be a number {rule}, got {value!r}".replace("number ,", "number,"))


def _finite(value: Any) -> bool:
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer beyond the floats
        return False


def integer(key: str, value: Any, *, at_least: int, at_most: int | None = None) -> None:
    """Refuse a value that is not a whole number within the bounds."""
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not (whole and value >= at_least and (at_most is None or value <= at_most)):
        rule = f">= {at_least}" + (f" and <= {at_most}" if at_most is not None else "")
        raise InputError(f"{key} must be an integer {rule}, got {value!r}")


def choice(key: str, value: Any, allowed: Collection[Any]) -> None:
    """Refuse a value that is not one of the allowed ones."""
    if value not in allowed:
        raise InputError(f"{key} must be one of {', '.join(map(str, allowed))}, got {value!r}")


def flag(key: str, value: Any) -> None:
    """Refuse a value that is not true or false."""
    if not isinstance(value, bool):
        raise InputError(f"{key} must be true or false, got {value!r}")


def writable_directory(key: str, path: Path) -> None:
    """Refuse a directory in which nothing can be created, or that cannot be created; leave no trace.

    Raises:
        InputError: for example ``outputs cannot be written, got '/proc/x': Permission denied``.
    """
    nearest = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    try:
        tempfile.TemporaryDirectory(dir=nearest).cleanup()
    except OSError as error:
        raise InputError(f"{key} cannot be written, got {str(path)!r}: {error.strerror}") from error


def writable_file(key: str, path: Path) -> None:
    """Refuse a file that cannot be written or created; leave no trace, nor open it.

    To close an SQLite database takes from this process the locks that it holds on it.
    """
    if not path.exists():
        writable_directory(key, path)
    elif path.is_dir() or not os.access(path, os.W_OK):
        reason = os.strerror(errno.EISDIR if path.is_dir() else errno.EACCES)
        raise InputError(f"{key} cannot be written, got {str(path)!r}: {reason}")
