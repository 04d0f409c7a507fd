"""What the figures of scaling are made of, and that they can be drawn of any analysis."""

import math

import numpy as np
import pytest

from lrlab.analysis.report import scaling_plots
from lrlab.scaling_law.analysis import analyse
from lrlab.scaling_law.table import read
from tests.scaling_law.synthetic import Columns, Simulation, edited

PNG = b"\x89PNG"


def test_cells_reach_half_way_to_their_neighbours() -> None:
    low, high = scaling_plots._cells(np.array([1.0, 2.0, 4.0]))
    np.testing.assert_allclose(low[1:], high[:-1])
    np.testing.assert_allclose(low, np.array([1, 2, 4]) / math.sqrt(2))
    np.testing.assert_allclose(high[-1], 4 * math.sqrt(2))


def test_no_trial_speaks_for_more_than_a_factor_of_three() -> None:
    low, high = scaling_plots._cells(np.array([1e-3, 1.0, 1.1, 1e3]))
    assert (high / low <= 3 + 1e-9).all()
    assert scaling_plots._cells(np.array([5.0]))[1] == pytest.approx(5 * math.sqrt(2))


def test_a_rate_at_which_a_trial_diverged_has_an_infinite_mean() -> None:
    columns: Columns = {
        "batch_size": [8] * 4 + [16],
        "lr": [0.1, 0.1, 0.2, 0.2, 0.1],
        "seed": [0, 1, 0, 1, 0],
        "loss": [1.0, 3.0, 1.0, math.inf, 1.0],
    }
    (size, rates, mean, spread), _ = scaling_plots._means(read(columns))
    assert size == 8
    np.testing.assert_allclose(rates, [0.1, 0.2])
    np.testing.assert_allclose(mean, [2, math.inf])
    np.testing.assert_allclose(spread, [math.sqrt(2), 0])


def sound() -> Columns:
    return Simulation(seeds=2).table(0)


def few() -> Columns:
    columns = Simulation(seeds=1).table(0)
    return edited(columns, np.array(columns["batch_size"]) <= 64)


def unbracketed() -> Columns:
    columns = sound()
    return edited(columns, loss=np.array(columns["lr"]))


@pytest.mark.parametrize("columns", [sound, few, unbracketed])
def test_figures_can_be_drawn_of_any_analysis(columns) -> None:
    table, analysis = read(columns()), analyse(columns(), draws=100, noise_scale=300.0)
    assert scaling_plots.loss_against_lr(table, analysis.optima, "loss").startswith(PNG)
    assert scaling_plots.best_lr_against_batch(analysis).startswith(PNG)
    assert scaling_plots.loss_surface(table, analysis.optima).startswith(PNG)


def test_figures_of_steps_and_of_the_noise_scale() -> None:
    assert scaling_plots.steps_against_batch([8, 16], [100.0, 60.0], [1.0, 0.0], 0.5).startswith(PNG)
    assert scaling_plots.noise_against_epoch([1, 2], [30.0, 50.0], None).startswith(PNG)
