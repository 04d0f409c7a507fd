"""What the lecture's charts hold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from lrlab.lecture.figures import LOG, LOG_X, LOG_Y, MOST_POINTS, Chart, Line, curve, draw, line_figure
from lrlab.plotting import theme


def points(spec: Mapping[str, Any], table: str = "series") -> list[tuple[float, float]]:
    return [(row["x"], row["y"]) for row in spec["datasets"].get(table, [])]


def encoding(spec: Mapping[str, Any], channel: str) -> dict[str, Any]:
    found: dict[str, Any] = spec["layer"][0]["encoding"][channel]
    return found


def test_charts_stand_side_by_side_in_one_figure_that_is_a_png_too() -> None:
    one = Chart("steps", "loss (nats)", [Line("a", [1, 2], [3, 4])], title="left")
    made = line_figure(one, Chart("epoch", "accuracy", [Line("b", [0.5], [1])]), title="What?", caption="This.")
    left, right = made.panels
    assert [(encoding(panel, "x")["title"], encoding(panel, "y")["title"]) for panel in (left, right)] == [
        ("steps", "loss (nats)"),
        ("epoch", "accuracy"),
    ]
    assert (left["title"], points(left), points(right)) == ("left", [(1, 3), (2, 4)], [(0.5, 1)])
    assert (made.title, made.caption) == ("What?", "This.")
    assert made.png.startswith(b"\x89PNG\r\n")


def test_series_differ_in_colour_and_dash_and_what_is_not_a_series_has_its_own_look() -> None:
    lines = [Line("a", [0, 1], [1, 1]), Line("b", [0, 1], [2, 2]), Line("limit", [0, 1], [3, 3], "reference")]
    lines += [Line("trial", [0, 1], [4, 4], "background"), Line("best", [1], [1], "marked")]
    spec = draw(Chart("x", "y", lines, markers=True))
    assert list(spec["datasets"]) == ["background", "reference", "series", "marked"]
    (drawn,) = [
        layer for layer in spec["layer"] if layer["data"]["name"] == "series" and "strokeDash" in layer["encoding"]
    ]
    for channel in ("color", "strokeDash"):
        scale = drawn["encoding"][channel]["scale"]
        assert scale["domain"] == ["a", "b"]
        assert scale["range"][0] != scale["range"][1]
    assert all(layer["mark"]["clip"] for layer in spec["layer"])
    assert spec["layer"][-1]["mark"]["color"] == theme.MARKED


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ({}, [(0, 0), (1, -1), (2, 0.5)]),
        (LOG_X, [(1, -1), (2, 0.5)]),
        (LOG_Y, [(2, 0.5)]),
        (LOG, [(2, 0.5)]),
    ],
)
def test_what_an_axis_cannot_have_is_left_out(axes: dict[str, Any], expected: list[tuple[float, float]]) -> None:
    line = Line("a", [0, 1, 2, 3, 4], [0, -1, 0.5, np.inf, np.nan])
    assert points(draw(Chart("x", "y", [line], axes=axes))) == expected


def test_a_line_of_nothing_that_can_be_drawn_is_no_error() -> None:
    spec = draw(Chart("x", "y", [Line("a", [1, 2], [1, 2]), Line("b", [1], [np.inf])], axes=LOG))
    assert points(spec) == [(1, 1), (2, 2)]
    nothing = draw(Chart("x", "y", [Line("a", [1, 2], [np.nan, np.inf]), Line("b", [1, 2], [0, 0])], axes=LOG))
    assert not points(nothing)


@pytest.mark.parametrize("axes", [{}, LOG_X])
def test_long_lines_are_thinned_out_but_keep_their_ends(axes: dict[str, Any]) -> None:
    kept = points(draw(Chart("x", "y", [curve("a", np.arange(5000.0) + 1)], axes=axes)))
    assert len(kept) <= MOST_POINTS
    assert (kept[0], kept[-1]) == ((1, 1), (5000, 5000))
    assert kept == sorted(kept)


def test_a_way_back_and_forth_keeps_its_order() -> None:
    x = np.sin(np.arange(1000))
    kept = points(draw(Chart("x", "y", [Line("a", x, np.arange(1000))])))
    assert len(kept) <= MOST_POINTS
    assert [y for _, y in kept] == sorted(y for _, y in kept)


def test_limits_cut_and_logarithmic_ticks_are_plain_numbers() -> None:
    axes = {**LOG_X, "xlim": (0.01, 1), "ylim": (0, 5)}
    spec = draw(Chart("x", "y", [Line("a", [0.001, 100], [1, 9])], axes=axes))
    x, y = encoding(spec, "x"), encoding(spec, "y")
    assert (x["scale"]["domain"], y["scale"]["domain"]) == ([0.01, 1], [0, 5])
    assert [tick for tick in x["axis"]["values"] if 0.01 <= tick <= 1] == [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]


def test_contours_lie_behind_all_else() -> None:
    ring = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, -1.0]])
    spec = draw(Chart("x", "y", [Line("a", [0, 1], [1, 1])], contours=[ring]))
    assert spec["layer"][0]["data"]["name"] == "contours"
    assert points(spec, "contours") == [(0, 1), (1, 0), (0, -1)]
