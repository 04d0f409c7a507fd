import math

import pytest

from lrlab.analysis.answers.answer import Plot
from lrlab.cli.text_plot import lines


def test_points_are_where_their_numbers_are() -> None:
    drawn = list(lines(Plot("x", "y", {"a": [(0, 0), (1, 1), (2, 2)]}), width=5, height=3))
    assert drawn == ["y", "2 │    ●", "  │  ●", "0 │●", "  └─────", "   0 x 2"]


def test_powers_are_a_line_on_logarithmic_axes() -> None:
    drawn = list(lines(Plot("x", "y", {"a": [(1, 1), (10, 100), (100, 10000)]}, log_x=True, log_y=True), 5, 3))
    assert [line.partition("│")[2] for line in drawn[1:4]] == ["    ●", "  ●", "●"]
    assert drawn[0] == "y (log)"


def test_several_series_have_a_mark_each() -> None:
    drawn = list(lines(Plot("x", "y", {"a": [(0, 0)], "b": [(1, 1)]}), 5, 3))
    assert drawn[-1] == "● a  ○ b"


@pytest.mark.parametrize("points", [[], [(1.0, 1.0)], [(1.0, math.nan), (2.0, 1.0)], [(0.0, 1.0), (-1.0, 2.0)]])
def test_fewer_than_two_points_are_no_picture(points: list) -> None:
    assert list(lines(Plot("x", "y", {"a": points}, log_x=True))) == []


def test_equal_numbers_are_in_the_middle() -> None:
    drawn = list(lines(Plot("x", "y", {"a": [(0, 1), (1, 1)]}), 5, 3))
    assert drawn[2].endswith("│●   ●")
