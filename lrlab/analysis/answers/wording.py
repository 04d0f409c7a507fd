"""Numbers and settings as the sentences of the answers say them."""

from collections.abc import Mapping, Sequence
from typing import Any

from lrlab.scaling_law.estimate import Estimate

CANNOT_TELL = "cannot tell"  # begins a sentence that is no answer


def number(value: object) -> str:
    """Return a value with the digits that a sentence shows: 0.1234, 1.5e-05, and 2.1e-05 for 2.1364e-05."""
    if not isinstance(value, float):
        return str(value)
    shown = f"{value:.4g}"
    return f"{value:.2g}" if len(shown.partition("e")[0]) > 4 and "e" in shown else shown


def setting(params: Mapping[str, Any]) -> str:
    """Return values of keys, as they would be typed."""
    return ", ".join(f"{key}={number(value)}" for key, value in params.items()) or "the only configuration"


def interval(ends: Sequence[float]) -> str:
    """Return an interval."""
    low, high = ends
    return f"[{low:.3g}, {high:.3g}]"


def estimate(found: Estimate) -> str:
    """Return a number with its 95 % interval."""
    return f"{found.value:.3g} {interval(found.interval())}"


def listed(words: Sequence[object]) -> str:
    """Return words as a list in a sentence: a, b and c."""
    *first, last = map(str, words)
    return f"{', '.join(first)} and {last}" if first else last
