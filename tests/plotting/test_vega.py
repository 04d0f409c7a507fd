import io
import re
from pathlib import Path
from typing import Any

import altair as alt
import pytest
from PIL import Image

from lrlab.plotting import charts, vega


def line(names: int = 3, title: str = "") -> dict[str, Any]:
    rows = [{"series": f"{name}", "x": x, "y": x * name} for name in range(names) for x in (1, 2, 3)]
    series = charts.Series([f"{name}" for name in range(names)])
    axes = {"x": charts.linear_axis(alt.X, "x", "x"), "y": charts.linear_axis(alt.Y, "y", "y", domain=[1, 2])}
    marks = [
        alt.Chart(charts.data()).mark_line(clip=True).encode(color=series.color, **axes),
        alt.Chart(charts.data()).mark_point(clip=True).encode(shape=series.shape, **axes),
    ]
    return charts.spec(alt.layer(*marks), title, legend=series.names, rows=rows)


def size(png: bytes) -> tuple[int, int]:
    width, height = Image.open(io.BytesIO(png)).size
    return width, height


def test_panels_are_beside_each_other_below_the_title() -> None:
    one = size(vega.png([line()]))
    two = size(vega.png([line(), line()]))
    four = size(vega.png([line()] * 4, columns=2))
    titled = size(vega.png([line()], "What is it? " * 12))
    assert two[0] > one[0]
    assert four[0] == two[0]
    assert four[1] == pytest.approx(2 * two[1], abs=2)
    assert titled[0] == one[0]
    assert titled[1] > one[1] + 40


def test_names_within_a_drawing_are_unique_and_marks_are_cut_once_a_panel() -> None:
    drawn = vega.svg([line(), line(5)])
    ids = re.findall(r'\bid="([^"]+)"', drawn)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", drawn)) <= set(ids)
    assert drawn.count("clip-path=") == 2


def test_a_title_is_escaped() -> None:
    assert "<script>" not in vega.svg([line()], "<script>&")


def test_the_script_is_kept_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    vega.javascript.cache_clear()
    script = vega.javascript()
    assert "vegaEmbed" in script
    assert "</script" not in script
    (kept,) = (tmp_path / "lrlab").iterdir()
    assert kept.read_text() == script
    kept.write_text("kept")
    vega.javascript.cache_clear()
    assert vega.javascript() == "kept"
    vega.javascript.cache_clear()


def test_without_a_cache_it_is_bundled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    vega.javascript.cache_clear()
    assert "vegaEmbed" in vega.javascript()
    vega.javascript.cache_clear()
