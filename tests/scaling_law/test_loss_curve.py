"""Numbers read off drawn curves."""

import numpy as np
import pytest

from lrlab.scaling_law.loss_curve import LossCurve

GRID = np.linspace(0.0, 4.0, 401)


def parabolas(*optima: float) -> LossCurve:
    return LossCurve(GRID, 7 + (GRID - np.array(optima)[:, None]) ** 2, 0.0, 4.0, GRID[::100])


def test_numbers_read_off_drawn_curves() -> None:
    curve = parabolas(1.0, 2.0, 3.0)
    np.testing.assert_allclose(curve.optima, [1, 2, 3])
    assert curve.centre == pytest.approx(2)
    assert curve.level == pytest.approx(7)
    np.testing.assert_allclose(curve.excess_losses(np.array([1.0, 3.0, 3.005])), [0, 1, 0], atol=1e-3)
    np.testing.assert_allclose(curve.loss(np.array([2.0, 9.0])), [7 + 2 / 3, 7 + (9 + 4 + 1) / 3], atol=1e-3)


def test_beyond_the_fit_the_loss_is_at_least_that_at_its_end() -> None:
    np.testing.assert_allclose(parabolas(1.0, 3.0).excess_losses(np.array([-5.0, 99.0])), [1, 1])


def test_optima_at_the_ends_are_counted() -> None:
    curve = parabolas(-1.0, 0.0, 2.0, 9.0)
    assert curve.probability_at(0) == 0.5
    assert curve.probability_at(-1) == 0.25
