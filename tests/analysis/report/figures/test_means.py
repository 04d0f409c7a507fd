import math

import pytest

from lrlab.analysis.report.figures.means import grouped, mean_row, range_row


def test_a_mean_has_the_interval_of_student_s_t() -> None:
    row = mean_row([1.0, 2.0, 3.0])
    half = 4.302653 / math.sqrt(3)
    assert row == {"mean": 2.0, "low": pytest.approx(2 - half), "high": pytest.approx(2 + half), "n": 3}


@pytest.mark.parametrize("values", [[], [math.nan], [1.0, math.inf], [-math.inf, 2.0]])
def test_what_is_not_finite_has_no_mean(values: list[float]) -> None:
    assert mean_row(values) == range_row(values) == {"mean": None, "low": None, "high": None, "n": len(values)}


def test_one_seed_has_no_interval_and_several_a_range() -> None:
    assert mean_row([2.0]) == {"mean": 2.0, "low": 2.0, "high": 2.0, "n": 1}
    assert range_row([2.0, 5.0]) == {"mean": 3.5, "low": 2.0, "high": 5.0, "n": 2}


def test_groups_keep_their_order() -> None:
    assert list(grouped([3, 1, 4, 5], lambda number: number % 2).items()) == [(1, [3, 1, 5]), (0, [4])]
