"""What a figure holds, looked at before it becomes a PNG."""

import base64
import json
from pathlib import Path
from typing import Any

import altair as alt
import matplotlib as mpl
import numpy as np
import pytest

from lrlab.plotting import charts, figures
from lrlab.plotting.figures import MIME, Figure, figure, finish, loss_curve, plain_text, png, templates

PNG = b"\x89PNG\r\n"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that were drawn."""
    kept: list[Any] = []
    monkeypatch.setattr(figures, "png", lambda drawing, dpi=110: kept.append(drawing))
    return kept


def test_a_png_is_drawn_whatever_backend_the_process_has(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict.__getitem__(mpl.rcParams, "backend")
    drawing, axes = figure(2.0, 1.0)
    axes.plot([0, 1])
    content = png(drawing, dpi=50)
    assert content.startswith(PNG)
    width, height = (int.from_bytes(content[start : start + 4]) for start in (16, 20))
    assert (width, height) == (100, 50)
    assert dict.__getitem__(mpl.rcParams, "backend") == before


def test_several_images_are_one_file_side_by_side() -> None:
    tiles = [png(figure(width, 1.0)[0], dpi=50) for width in (1.0, 2.0)]
    joined = Figure(tiles, "caption")
    assert not joined.panels
    assert len(joined.images) == 2
    size = [int.from_bytes(joined.png[start : start + 4]) for start in (16, 20)]
    assert size == [150, 50]
    assert Figure(tiles[0], "caption").images == [Figure(tiles[0], "caption").data_uri]


def test_contours_lie_where_a_function_has_the_same_value() -> None:
    x, y = np.meshgrid(np.linspace(-1, 1, 40), np.linspace(-1, 1, 40))
    lines = figures.contours(x, y, x + 2 * y, 5)
    assert len(lines) >= 4
    assert all(np.ptp(line @ [1, 2]) < 1e-9 for line in lines)


def test_a_figure_is_embedded_in_a_page() -> None:
    encoded = Figure(b"abc", "caption").data_uri
    assert base64.b64decode(encoded.removeprefix("data:image/png;base64,")) == b"abc"


def test_a_chart_is_shown_and_saved_as_a_picture_too(tmp_path: Path) -> None:
    spec = charts.spec(alt.Chart(charts.data()).mark_point(), rows=[{"x": 1}])
    one, two = Figure((spec,), "caption", title="title"), Figure((spec, spec), "caption")
    shown = one._repr_mimebundle_()
    assert shown["image/png"] == one.png == one._repr_png_()
    assert "var(" not in json.dumps(shown[MIME])
    assert set(two._repr_mimebundle_()) == {"image/png", "text/plain"}
    one.save(tmp_path / "one.png")
    assert (tmp_path / "one.png").read_bytes().startswith(PNG)
    assert Figure(b"abc", "c").panels == ()


def test_a_finished_figure_has_a_grid_and_a_legend(drawn: list[Any]) -> None:
    drawing, axes = figure()
    axes.plot([0, 1], label="line")
    finish(drawing, axes, title="lines")
    assert drawn == [drawing]
    assert axes.get_legend().get_title().get_text() == "lines"
    assert all(line.get_visible() for line in axes.get_xgridlines())


def test_the_curves_are_those_of_the_metrics(drawn: list[Any]) -> None:
    loss_curve({"train/loss": [(1, 2.0), (2, 1.0)], "val/loss": [(1, 2.5), (2, 1.5)], "val/accuracy": [(1, 0.5)]})
    loss, accuracy = drawn[0].axes
    assert [line.get_xydata().tolist() for line in loss.lines] == [[[1, 2], [2, 1]], [[1, 2.5], [2, 1.5]]]
    assert [text.get_text() for text in loss.get_legend().get_texts()] == ["training (running mean)", "validation"]
    assert [line.get_xydata().tolist() for line in accuracy.lines] == [[[1, 0.5]]]


def test_every_class_has_its_template(drawn: list[Any]) -> None:
    W = np.arange(7 * 4, dtype=float).reshape(7, 4)
    templates(W, (2, 2, 1), list("abcdefg"))
    shown = [axes for axes in drawn[0].axes if axes.images]
    assert [axes.get_title() for axes in shown] == list("abcdefg")
    np.testing.assert_array_equal(shown[3].images[0].get_array(), W[3].reshape(2, 2))


def test_colours_are_scaled_to_the_largest_weight(drawn: list[Any]) -> None:
    templates(np.array([[-4.0, 0, 2] * 4]), (2, 2, 3), ["a"])
    np.testing.assert_allclose(drawn[0].axes[0].images[0].get_array()[0, 0], [0, 0.5, 0.75])


@pytest.mark.parametrize("text", [r"$\\frac$", "val $loss", "a\x1b[2Jb", "$$"])
def test_somebody_elses_names_are_no_formula(text: str) -> None:
    drawing, axes = figure(2.0, 1.0)
    axes.set(ylabel=plain_text(text))
    assert png(drawing, dpi=50).startswith(PNG)
