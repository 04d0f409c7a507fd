"""The name of a trial's run: what was swept, as short as it can be told apart."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

SHORT: Final = {"batch_size": "b", "learning_rate": "lr", "weight_decay": "wd", "strength": "lambda"}
DIGITS: Final = 3  # significant ones: names are to be read, the parameters hold the values
MAX_LENGTH: Final = 100  # characters


def trial_name(number: int, params: Mapping[str, Any]) -> str:
    """Return `lr=0.095 b=32`; `trial 7` where nothing was swept.

    Args:
        number: of the trial.
        params: what the search chose, by key.
    """
    names = short_names(list(params))
    text = " ".join(f"{names[key]}={_short(value)}" for key, value in params.items())
    if len(text) > MAX_LENGTH:
        text = f"{text[: MAX_LENGTH - 1]}…"
    return text or f"trial {number}"


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Return the last part of every key, or its usual abbreviation; as many parts as tell it from the others."""
    return _told_apart(keys, SHORT)


def last_parts(keys: Sequence[str]) -> dict[str, str]:
    """Return the last part of every key; as many parts as tell it from the others."""
    return _told_apart(keys, {})


def _told_apart(keys: Sequence[str], short: Mapping[str, str]) -> dict[str, str]:
    def last(key: str, parts: int) -> str:
        name = ".".join(key.split(".")[-parts:])
        return short.get(name, name)

    names = {key: last(key, 1) for key in keys}
    for parts in range(2, max((key.count(".") for key in keys), default=0) + 2):
        count = Counter(names.values())
        names = {key: last(key, parts) if count[name] > 1 else name for key, name in names.items()}
    return names


def _short(value: Any) -> str:
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)
