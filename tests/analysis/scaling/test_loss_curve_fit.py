"""The fit in sums against a plain least squares fit with one column per seed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.analysis.scaling.loss_curve_fit import best_degree, fit, local_minimum, normal_equations, weights
from lrlab.analysis.scaling.trial_selection import Points


def points(
    loss=lambda t: t**2, *, seeds: int = 3, noise: float = 0.0, rng_seed: int = 0, centre: float = -3.0
) -> Points:
    rng = np.random.default_rng(rng_seed)
    t = np.tile(np.linspace(-1.5, 1.2, 9), seeds)
    seed = np.repeat(np.arange(seeds), 9)
    level = rng.standard_normal(seeds)[seed]
    return Points(centre + t, 2 + loss(t) + level + noise * rng.standard_normal(len(t)), seed)


def plain_fit(given: Points, centre: float, degree: int, counts: np.ndarray) -> np.ndarray:
    """Weighted least squares with a level for each seed, every seed repeated as often as it counts."""
    columns, values, scales = [], [], []
    copies = [seed for seed, count in enumerate(counts) for _ in range(int(count))]
    for copy, seed in enumerate(copies):
        mine = given.seed == seed
        t = given.log_lr[mine] - centre
        level = np.zeros((len(t), len(copies)))
        level[:, copy] = 1
        columns.append(np.hstack([level, np.stack([t**power for power in range(1, degree + 1)], axis=1)]))
        values.append(given.loss[mine])
        scales.append(np.sqrt(weights(given.log_lr, centre)[mine]))
    scale = np.concatenate(scales)
    solution = np.linalg.lstsq(np.vstack(columns) * scale[:, None], np.concatenate(values) * scale, rcond=None)
    return solution[0][len(copies) :]


@pytest.mark.parametrize("degree", [2, 3])
@pytest.mark.parametrize("counts", [(1, 1, 1), (2, 0, 1), (0, 2, 0)])
def test_sums_give_the_plain_fit_for_any_sample_of_the_seeds(degree: int, counts: tuple[int, ...]) -> None:
    given = points(noise=0.1)
    counted = np.array([counts], dtype=float)
    found = normal_equations(given, -2.8).solve(counted, degree)[0]
    np.testing.assert_allclose(found[:degree], plain_fit(given, -2.8, degree, np.array(counts)), rtol=1e-6)
    assert not found[degree:].any()


def test_misfit_is_the_sum_of_squared_residuals() -> None:
    given = points(noise=0.1)
    coefficients = np.array([[0.1, 0.9, 0.2], [0.0, 1.0, 0.0], [-0.2, 0.5, 0.1]])
    expected = []
    for seed in range(3):
        mine = given.seed == seed
        t, w = given.log_lr[mine] + 2.8, weights(given.log_lr, -2.8)[mine]
        residual = given.loss[mine] - np.stack([t, t**2, t**3], axis=1) @ coefficients[seed]
        residual -= np.average(residual, weights=w)
        expected.append((w * residual**2).sum())
    np.testing.assert_allclose(normal_equations(given, -2.8).rss(coefficients), expected, rtol=1e-10)


@pytest.mark.parametrize("degree", [2, 3])
def test_the_minimum_of_an_exact_parabola_is_found(degree: int) -> None:
    curve = fit(points(lambda t: 0.02 * (t - 0.3) ** 2), degree)
    assert curve is not None
    assert curve.centre == pytest.approx(-2.7, abs=1e-5)
    assert curve.coefficients[1] == pytest.approx(0.02, rel=1e-5)


def test_the_minimum_of_a_skewed_curve_needs_the_cubic_term() -> None:
    skewed = points(lambda t: 0.02 * t**2 * (1 + 0.3 * t))
    cubic, parabola = fit(skewed, 3), fit(skewed, 2)
    assert cubic is not None
    assert parabola is not None
    assert cubic.centre == pytest.approx(-3.0, abs=1e-5)
    assert parabola.centre < -3.05


@pytest.mark.parametrize("loss", [lambda t: -t, lambda t: t, lambda t: -(t**2), lambda t: 0 * t])
@pytest.mark.parametrize("degree", [2, 3])
def test_no_minimum_is_no_curve(loss, degree: int) -> None:
    assert fit(points(loss), degree) is None


def test_curve_and_rise() -> None:
    curve = fit(points(lambda t: 0.02 * t**2), 2)
    assert curve is not None
    assert curve.excess_loss(-3.0 + 1.0) == pytest.approx(0.02, rel=1e-4)
    assert curve.excess_loss(-3.0 - 1.0) == pytest.approx(0.02, rel=1e-4)
    assert curve.excess_loss(-3.0 + 50.0) == pytest.approx(0.02 * 1.2**2, rel=1e-4)  # no further than was tried
    np.testing.assert_allclose(curve.loss(np.array([-3.0, -2.0])), curve.level + np.array([0.0, 0.02]), rtol=1e-5)


def test_resampled_optima_are_to_first_order_those_of_the_plain_fit() -> None:
    given = points(lambda t: 0.02 * t**2, noise=1e-5)
    curve = fit(given, 2)
    assert curve is not None
    counts = np.array([[2.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    for found, count in zip(curve.bootstrap_optima(counts), counts, strict=True):
        c1, c2 = plain_fit(given, curve.centre, 2, count)
        assert found == pytest.approx(curve.centre - c1 / (2 * c2), abs=1e-5)


def test_weights_are_tricube_and_reach_six_learning_rates() -> None:
    near = np.linspace(-1, 1, 9)
    np.testing.assert_allclose(weights(near, 0.0), (1 - np.abs(near / math.log(8)) ** 3) ** 3)
    far = 3.0 * np.arange(-4, 5, dtype=np.float64)
    assert (weights(far, 0.5) > 0).sum() >= 6


@given(st.floats(-2, 2), st.floats(0.01, 3), st.floats(-1, 1))
def test_lowest_has_no_slope_and_positive_curvature(c1: float, c2: float, c3: float) -> None:
    t = local_minimum(np.array([c1, c2, c3]))
    if math.isnan(t):
        assert c2**2 - 3 * c1 * c3 <= 0
    else:
        assert c1 + 2 * c2 * t + 3 * c3 * t**2 == pytest.approx(0, abs=1e-6 * (1 + abs(c3) * t**2))
        assert 2 * c2 + 6 * c3 * t > 0


def test_the_degree_follows_the_shape_of_the_loss() -> None:
    plain = [points(lambda t: 0.02 * t**2, noise=1e-3, rng_seed=i) for i in range(7)]
    skewed = [points(lambda t: 0.02 * t**2 * (1 + 0.3 * t), noise=1e-3, rng_seed=i) for i in range(7)]
    assert best_degree(plain) == 2
    assert best_degree(skewed) == 3
    assert best_degree([]) == 2
    assert best_degree([points(lambda t: t**2 * (1 + 0.3 * t), seeds=1)]) == 2  # nothing to leave out
