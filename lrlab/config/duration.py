"""How long something may take: seconds, or a number with its unit."""

import re
from typing import Any, Final

from lrlab.config.validation import number
from lrlab.errors import InputError

SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}  # in each unit
TEXT: Final = re.compile(r"(\d+(?:\.\d+)?)([smh]?)", re.ASCII)


def seconds(key: str, value: Any) -> float:
    """Return how many seconds a value stands for: 90, 45s, 90m, 1.5h.

    Args:
        key: its place in the configuration, for the message.
        value: a number of seconds, or a text.

    Raises:
        InputError: for example ``hydra.sweeper.timeout must be a number of seconds > 0, or like 45s, 90m, 2h, got -1``.
    """
    match = TEXT.fullmatch(value) if isinstance(value, str) else None
    length = float(match[1]) * SECONDS[match[2]] if match else value
    try:
        number(key, length, above=0)
    except InputError:
        raise InputError(f"{key} must be a number of seconds > 0, or like 45s, 90m, 2h, got {value!r}") from None
    return float(length)
