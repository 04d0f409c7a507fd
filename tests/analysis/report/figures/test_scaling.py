"""What the figures of scaling hold, read from their specifications."""

import json
import math

import numpy as np
import pytest

from lrlab.analysis.report.figures import scaling
from lrlab.scaling_law.analysis import analyse
from lrlab.scaling_law.table import read
from tests.scaling_law.synthetic import Columns, Simulation, edited


def sound() -> Columns:
    return Simulation(seeds=2).table(0)


def few() -> Columns:
    columns = Simulation(seeds=1).table(0)
    return edited(columns, np.array(columns["batch_size"]) <= 64)


def unbracketed() -> Columns:
    columns = sound()
    return edited(columns, loss=np.array(columns["lr"]))


def negative() -> Columns:  # accuracies, which are maximized
    columns = sound()
    return edited(columns, loss=-1 / np.array(columns["loss"]))


def test_cells_reach_half_way_to_their_neighbours() -> None:
    low, high = scaling.cell_ends(np.array([1.0, 2.0, 4.0]))
    np.testing.assert_allclose(low[1:], high[:-1])
    np.testing.assert_allclose(low, np.array([1, 2, 4]) / math.sqrt(2))
    np.testing.assert_allclose(high[-1], 4 * math.sqrt(2))


def test_no_trial_speaks_for_more_than_a_factor_of_three() -> None:
    low, high = scaling.cell_ends(np.array([1e-3, 1.0, 1.1, 1e3]))
    assert (high / low <= 3 + 1e-9).all()
    assert scaling.cell_ends(np.array([5.0]))[1] == pytest.approx(5 * math.sqrt(2))


def test_a_rate_at_which_a_trial_diverged_has_no_mean() -> None:
    columns: Columns = {
        "batch_size": [8] * 4 + [16],
        "lr": [0.1, 0.1, 0.2, 0.2, 0.1],
        "seed": [0, 1, 0, 1, 0],
        "loss": [1.0, 3.0, 1.0, math.inf, 1.0],
    }
    first, second, _ = scaling.loss_rows(read(columns))
    assert first == {"size": 8, "lr": 0.1, "mean": 2.0, "low": 1.0, "high": 3.0, "n": 2}
    assert second["mean"] is None


def test_thousands_of_learning_rates_are_drawn_as_they_are_fitted() -> None:
    lr = np.exp(np.linspace(-6, 0, 4000))
    columns: Columns = {"batch_size": [8, 16] * 2000, "lr": list(lr), "seed": [0] * 4000, "loss": list(np.log(lr) ** 2)}
    rows = scaling.loss_rows(read(columns))
    assert len(rows) < 2 * 6 / 0.03
    assert sum(row["n"] for row in rows) == 4000


@pytest.mark.parametrize("columns", [sound, few, unbracketed, negative])
def test_every_best_learning_rate_is_in_sight_with_its_interval(columns) -> None:
    table, analysis = read(columns()), analyse(columns(), draws=100, noise_scale=300.0)
    figure = scaling.best_lr(analysis)
    assert figure
    (panel,) = figure.panels
    points = panel["datasets"]["optima"]
    assert [point["size"] for point in points] == [each.batch_size for each in analysis.optima if each.curve]
    low, high = panel["layer"][-1]["encoding"]["y"]["scale"]["domain"]
    assert all(low < point["low"] <= point["lr"] <= point["high"] < high for point in points)
    assert all(point["known"] == ("open" not in point["ends"]) for point in points)
    for drawn in (
        scaling.loss_against_lr({"": table}, {"": analysis}, "loss"),
        scaling.loss_surface({"": table}, {"": analysis}),
    ):
        assert drawn.panels
        assert "NaN" not in json.dumps(drawn.panels[0])
        assert "Infinity" not in json.dumps(drawn.panels[0])


def test_a_batch_size_keeps_its_colour_and_shape_and_has_its_fit() -> None:
    columns = sound()
    figure = scaling.loss_against_lr({"": read(columns)}, {"": analyse(columns, draws=100)}, "val $loss")
    (panel,) = figure.panels
    sizes = [f"{size}" for size in np.unique(columns["batch_size"])]
    assert panel["usermeta"]["legend"] == sizes
    points = panel["layer"][3]["encoding"]
    assert points["color"]["scale"]["domain"] == points["shape"]["scale"]["domain"] == sizes
    assert {row["series"] for row in panel["datasets"]["fits"]} == set(sizes)
    assert points["y"]["title"] == "val $loss"


@pytest.mark.parametrize("rates", [(0.1,), (0.1, 0.2), (0.02, 0.08, 0.32)])
def test_few_trials_without_a_fit_are_in_sight(rates: tuple[float, ...]) -> None:
    """Each batch size ends at another loss, and none has a fit."""
    tried = [(size, lr) for size in (8, 16, 32, 64) for lr in rates]
    columns: Columns = {
        "batch_size": [size for size, _ in tried],
        "lr": [lr for _, lr in tried],
        "seed": [0] * len(tried),
        "loss": [0.03 * size + lr for size, lr in tried],
    }
    figure = scaling.loss_against_lr({"": read(columns)}, {"": analyse(columns, draws=100)}, "loss")
    (panel,) = figure.panels
    assert not panel["datasets"]["best"]
    low, high = panel["layer"][3]["encoding"]["y"]["scale"]["domain"]
    assert all(low < 0.03 * size + rates[0] < high for size in (8, 16, 32, 64))


def test_the_surface_says_how_far_a_loss_is_above_the_best_of_its_batch_size() -> None:
    columns: Columns = {
        "batch_size": [8] * 4 + [16] * 2,
        "lr": [0.1, 0.2, 0.4, 0.8, 0.1, 0.2],
        "seed": [0] * 6,
        "loss": [1.0, 1.004, 1.3, math.inf, 2.0, 2.08],
    }
    figure = scaling.loss_surface({"": read(columns)}, {"": analyse(columns, draws=100)})
    cells = {(cell["size"], cell["lr"]): cell["class"] for cell in figure.panels[0]["datasets"]["cells"]}
    assert cells == {
        (8, 0.1): "up to 1 %",
        (8, 0.2): "up to 1 %",
        (8, 0.4): "up to 50 %",
        (8, 0.8): "more, or diverged",
        (16, 0.1): "up to 1 %",
        (16, 0.2): "up to 5 %",
    }


def test_settings_have_a_panel_each() -> None:
    table, analysis = read(sound()), analyse(sound(), draws=100)
    figure = scaling.loss_against_lr({"a": table, "b": table}, {"a": analysis, "b": analysis}, "loss")
    assert [panel["title"] for panel in figure.panels] == ["a", "b"]


def test_the_noise_scale_leaves_out_what_is_not_known() -> None:
    (panel,) = scaling.noise_scale({"": ([1, 2, 3], [30.0, math.inf, 50.0])}, 40.0).panels
    assert [(row["epoch"], row["scale"]) for row in panel["datasets"]["rows"]] == [(1, 30.0), (3, 50.0)]
    assert panel["datasets"]["fitted"] == [{"scale": 40.0}]
