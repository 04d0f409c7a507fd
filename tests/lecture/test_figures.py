"""What the lecture's charts hold, looked at before they become a PNG."""

from typing import Any

import pytest

from lrlab.lecture import figures
from lrlab.lecture.figures import COLOURS, MARKERS, Chart, Line, charts, draw
from lrlab.plotting.figures import figure


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that were drawn."""
    kept: list[Any] = []
    monkeypatch.setattr(figures, "png", kept.append)
    return kept


def axes_of(chart: Chart, markers: bool = False) -> Any:
    drawing, axes = figure()
    draw(axes, chart, markers)
    drawing.draw_without_rendering()
    return axes


def labels(axis: Any) -> list[str]:
    """The labels of the ticks that are in view."""
    low, high = axis.get_view_interval()
    return [tick.label1.get_text() for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]


def test_charts_stand_side_by_side_in_one_png(drawn: list[Any]) -> None:
    one = Chart("steps", "loss (nats)", [Line("a", [1, 2], [3, 4])], title="left")
    charts(one, Chart("epoch", "accuracy", [Line("b", [0.5], [1])]), height=2.5)
    (left, right), (width, height) = drawn[0].axes, drawn[0].get_size_inches()
    assert [(axes.get_xlabel(), axes.get_ylabel()) for axes in (left, right)] == [
        ("steps", "loss (nats)"),
        ("epoch", "accuracy"),
    ]
    assert (left.get_title(), left.lines[0].get_xydata().tolist()) == ("left", [[1, 3], [2, 4]])
    assert (width, height) == (pytest.approx(9.2), 2.5)
    charts(one)
    assert drawn[1].get_size_inches()[0] == pytest.approx(5.6)  # room for the legend


def test_a_chart_becomes_a_png() -> None:
    assert charts(Chart("x", "y", [Line("", [0, 1], [1, 0])])).startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize("markers", [False, True])
def test_curves_differ_in_colour_and_where_asked_for_in_marker_and_a_style_of_their_own_wins(markers: bool) -> None:
    lines = [Line(str(k), [0, 1], [k, k]) for k in range(len(COLOURS))]
    lines.append(Line("own", [0, 1], [9, 9], {"color": "pink", "marker": "1", "linestyle": "--"}))
    *given, own = axes_of(Chart("x", "y", lines), markers).lines
    assert [line.get_color() for line in given] == list(COLOURS)
    assert [line.get_marker() for line in given] == (list(MARKERS) if markers else ["None"] * len(COLOURS))
    assert (own.get_color(), own.get_marker(), own.get_linestyle()) == ("pink", "1", "--")
    assert len(set(COLOURS)) == len(set(MARKERS)) == len(COLOURS)


def test_only_curves_with_a_name_are_in_the_legend() -> None:
    assert axes_of(Chart("x", "y", [Line("", [0, 1], [1, 0])])).get_legend() is None
    legend = axes_of(Chart("x", "y", [Line("named", [0, 1], [1, 0]), Line("", [0, 1], [0, 1])])).get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["named"]


def test_epochs_are_whole_and_other_numbers_need_not_be() -> None:
    assert labels(axes_of(Chart("epoch", "y", [Line("", [1, 2, 3], [1, 1, 1])])).xaxis) == ["1", "2", "3"]
    assert "1.2" in labels(axes_of(Chart("x", "y", [Line("", [1, 1.5, 2], [1, 1, 1])])).xaxis)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1, 20, ["1", "2", "5", "10", "20"]),
        (0.03, 0.3, ["0.05", "0.1", "0.2"]),
        (1, 300, ["1", "3", "10", "30", "100", "300"]),
        (1e-4, 1e4, None),  # many decades: Matplotlib's own powers of ten
    ],
)
def test_a_logarithmic_axis_of_few_decades_has_plain_numbers(low: float, high: float, expected: list | None) -> None:
    limits = {"xscale": "log", "yscale": "log", "xlim": (low, high), "ylim": (low, high)}
    axes = axes_of(Chart("x", "y", [Line("", [low, high], [low, high])], axes=limits))
    for axis in (axes.xaxis, axes.yaxis):
        shown = labels(axis)
        if expected is None:
            assert all("10^" in label for label in shown)
        else:
            assert (shown, list(axis.get_minorticklocs())) == (expected, [])
