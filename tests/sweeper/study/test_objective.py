"""What counts as an objective, and what is said of anything else a job returns."""

import math
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lrlab.sweeper.study.objective import objective


class Tensor:
    """As torch's: tolist() gives a number or lists, and float() works for one element alone."""

    def __init__(self, *values: float) -> None:
        self.values = list(values)

    def tolist(self) -> list[float]:
        return self.values


class Hostile:
    """Raises whenever its number or its text is asked for."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __float__(self) -> float:
        raise self.error

    def __repr__(self) -> str:
        raise ValueError("no text")


CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize(
    ("value", "count", "numbers"),
    [
        (1, 1, [1.0]),
        (True, 1, [1.0]),
        (np.float32(0.5), 1, [0.5]),
        (np.array(2), 1, [2.0]),
        ([3], 1, [3.0]),
        ((1, 2.5), 2, [1.0, 2.5]),
        (np.array([3]), 1, [3.0]),
        (np.array([[3]]), 1, [3.0]),
        (np.array([1, 2], dtype=np.float32), 2, [1.0, 2.0]),
        ((np.array(1), [np.int64(2)]), 2, [1.0, 2.0]),
        (Tensor(1, 2), 2, [1.0, 2.0]),
        (SimpleNamespace(item=lambda: 0.5), 1, [0.5]),
        (Decimal("0.5"), 1, [0.5]),
    ],
)
def test_objectives(value: Any, count: int, numbers: list[float]) -> None:
    assert objective(value, count) == numbers


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (None, 1),
        ("3", 1),
        (b"3", 1),
        ({}, 1),
        ({"loss": 1.0}, 1),
        ([], 1),
        ((1, 2), 1),
        (1, 2),
        ((1, None), 2),
        ("ab", 2),
        (np.array([1, 2]), 1),
        (np.array(["1"]), 1),
        (np.complex128(1), 1),
        (np.ma.masked, 1),
        (np.float64, 1),
        (10**400, 1),
        pytest.param(10**5000, 1, id="no text"),
        (CIRCLE, 1),
        (iter([1.0]), 1),
    ],
)
def test_what_is_no_objective(value: Any, count: int) -> None:
    with pytest.raises(TypeError, match=rf"^the objective must be {count} number[^\n]*, got [^\n]*$") as error:
        objective(value, count)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("error", [ValueError("boom\n!"), OverflowError("boom !"), SystemExit("boom !")])
def test_what_raises_for_its_number_is_none(error: BaseException) -> None:
    with pytest.raises(TypeError) as raised:
        objective(Hostile(error), 1)
    assert str(raised.value).startswith("the objective must be 1 number, got <Hostile ")
    assert str(raised.value).endswith(f" ({type(error).__name__}: boom !)")


def test_a_long_value_is_cut() -> None:
    with pytest.raises(TypeError, match=r"^the objective must be 1 number, got \[0, 1, 2, 3, 4, 5, \.\.\.\]$"):
        objective(list(range(1000)), 1)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan"), (math.nan,)])
def test_an_objective_that_is_not_finite_is_never_best(value: Any) -> None:
    with pytest.raises(ValueError, match="the objective must be finite"):
        objective(value, 1)
