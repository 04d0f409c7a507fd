"""Durations as they are written in a configuration."""

from typing import Any

import pytest

from lrlab.config.duration import seconds
from lrlab.errors import InputError


@pytest.mark.parametrize(
    ("value", "expected"),
    [(90, 90), (0.5, 0.5), ("90", 90), ("45s", 45), ("90m", 5400), ("2h", 7200), ("1.5h", 5400), (1e300, 1e300)],
)
def test_numbers_are_seconds_and_units_are_read(value: Any, expected: float) -> None:
    assert seconds("key", value) == expected


@pytest.mark.parametrize(
    "value", [0, -1, "0s", "-2h", "2 h", "2d", "1h30m", "h", "", "soon", True, [], float("nan"), "9" * 400, "٣s"]
)
def test_everything_else_is_refused_in_one_line(value: Any) -> None:
    with pytest.raises(InputError) as error:
        seconds("hydra.sweeper.timeout", value)
    rule = "hydra.sweeper.timeout must be a number of seconds > 0, or like 45s, 90m, 2h, got "
    assert str(error.value) == f"{rule}{value!r}"
