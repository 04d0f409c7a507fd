"""The objective of a trial, read from what its job returned."""

import math
import reprlib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, SupportsFloat


class _NoNumberError(Exception):
    """A value is neither a number nor a collection of numbers."""


def objective(value: Any, count: int) -> list[float]:
    """Return the objective that a job returned: `count` finite numbers, alone or in lists, tuples and arrays.

    Raises:
        TypeError: these are not `count` numbers.
        ValueError: one of them is not finite.
    """
    cause = ""
    try:
        numbers = list(_numbers(value))
    except _NoNumberError:
        numbers = []
    except (Exception, SystemExit) as error:  # noqa: BLE001  a conversion is the job's code, too
        numbers, cause = [], f" ({type(error).__name__}: {short(error, str)})"
    if len(numbers) != count:
        raise TypeError(f"the objective must be {count} number{'s' * (count > 1)}, got {short(value)}{cause}")
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"the objective must be finite, got {short(value)}")
    return numbers


def numbers_of(value: Any) -> list[float]:
    """Return the numbers that a job returned, finite or not; none if it returned something else."""
    with suppress(Exception, SystemExit):
        return list(_numbers(value))
    return []


def short(value: Any, text: Any = reprlib.repr) -> str:
    """Return a value as one short line, whatever its own text does."""
    line = f"a {type(value).__name__} that cannot be shown"
    with suppress(Exception):
        line = " ".join(text(value).split())
    return line if len(line) <= 200 else f"{line[:200]}…"


def _numbers(value: Any) -> Iterator[float]:
    """Yield the numbers in a value.

    Raises:
        _NoNumberError: it holds something else.
    """
    if isinstance(value, list | tuple):
        for element in value:
            yield from _numbers(element)
    elif hasattr(value, "tolist"):  # before its own float(): that of a complex NumPy number drops a part
        yield from _numbers(value.tolist())
    elif isinstance(value, SupportsFloat):
        yield float(value)
    elif hasattr(value, "item"):
        yield from _numbers(value.item())
    else:
        raise _NoNumberError
