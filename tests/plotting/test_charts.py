import math

import altair as alt
import numpy as np
import pytest

from lrlab.plotting import charts, theme


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.9, 110, [1, 2, 5, 10, 20, 50, 100]),
        (1e-5, 1.1, [1e-5, 1e-4, 1e-3, 0.01, 0.1, 1]),
        (1.9, 4.2, [2, 3, 4]),
        (0.1, 0.3, [0.1, 0.15, 0.2, 0.3]),
    ],
)
def test_ticks_of_a_logarithmic_axis_are_plain_numbers(low: float, high: float, ticks: list[float]) -> None:
    assert charts.log_ticks(low, high) == pytest.approx(ticks)


@pytest.mark.parametrize(("low", "high"), [(1e-30, 1e30), (1.0, 1.05), (3e-4, 7.0), (17.0, 900.0)])
def test_an_axis_is_not_crowded(low: float, high: float) -> None:
    assert len(charts.log_ticks(low, high)) <= 14


def test_values_far_apart_are_on_a_logarithmic_axis_and_all_in_sight() -> None:
    far = charts.value_axis(alt.Y, "y", "loss", [0.1, 5.0, math.inf]).to_dict()["scale"]
    assert far["type"] == "log"
    assert far["domain"][0] < 0.1
    assert far["domain"][1] > 5
    for values in ([0.5, 0.6], [-1.0, 5.0], [0.0, 10.0], []):
        assert "type" not in charts.value_axis(alt.Y, "y", "loss", values).to_dict()["scale"]


def test_series_are_told_apart_by_colour_and_by_shape_or_dash() -> None:
    series = charts.Series([f"{number}" for number in range(8)])
    for channel in (series.color, series.shape, series.dash):
        values = channel.to_dict()["scale"]["range"]
        assert len({str(value) for value in values}) == 8


def test_ordered_series_go_through_the_ramp() -> None:
    colours = charts.Series(["1", "2", "3"], ordered=True).color.to_dict()["scale"]["range"]
    assert colours == ["var(--order-0)", "var(--order-4)", "var(--order-8)"]
    assert theme.ordered(1) == ["var(--order-0)"]


def test_one_series_has_no_legend() -> None:
    assert charts.Series(["only"]).color.to_dict()["legend"] is None


def test_rows_are_plain_json() -> None:
    rows = [{"a": np.float64(1.5), "b": math.nan, "c": np.int64(2), "d": "x\x1b[2J", "e": -math.inf, "f": None}]
    spec = charts.spec(alt.Chart(charts.data()).mark_point(), rows=rows)
    assert spec["datasets"]["rows"] == [{"a": 1.5, "b": None, "c": 2, "d": "x?[2J", "e": None, "f": None}]
    assert spec["width"] == "container"


@pytest.mark.parametrize("last", [1, 2, 3, 10])
def test_few_epochs_have_a_tick_each_and_no_half_ones(last: int) -> None:
    import altair as alt

    axis = charts.epoch_axis(alt.X, "epoch", "epoch", last).to_dict(context={"data": None, "datasets": {}})["axis"]
    assert axis["values"] == list(range(last + 1))


def test_many_epochs_have_few_ticks() -> None:
    import altair as alt

    axis = charts.epoch_axis(alt.X, "epoch", "epoch", 300).to_dict(context={"data": None, "datasets": {}})["axis"]
    assert (axis["tickCount"], axis["tickMinStep"]) == (10, 1)
