import math

import pytest

from lrlab.lecture.wording import agreement, number, percent, steps


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (0.0, "identical to the last bit"),
        (2.7e-15, "identical to 14 decimals"),
        (1e-3, "identical to 3 decimals"),
        (0.05, "identical to 1 decimals"),
        (0.5, "0.5 apart"),
        (1234.5, "1,234 apart"),
        (math.nan, "not finite apart"),
    ],
)
def test_agreement(difference: float, said: str) -> None:
    assert agreement(difference) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (4048.3, "4,048"),
        (33.85, "33.9"),
        (-0.96, "-0.96"),
        (0.006718, "0.00672"),
        (0.0001, "0.0001"),
        (6.74e-7, "6.7 × 10⁻⁷"),
        (-1e-31, "-1 × 10⁻³¹"),
        (9.99e-6, "1 × 10⁻⁵"),
        (math.inf, "not finite"),
        (math.nan, "not finite"),
    ],
)
def test_number(value: float, said: str) -> None:
    assert number(value) == said


def test_steps_and_percent() -> None:
    assert [steps(4105, 5000), steps(math.inf, 5000)] == ["4,105 steps", "more than 5,000 steps"]
    assert [percent(0.4219), percent(0, 0), percent(0.107)] == ["42.2 %", "0 %", "10.7 %"]
