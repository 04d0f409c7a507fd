"""Random effects on planted truth."""

import math

import numpy as np
import pytest

from lrlab.scaling_law.random_effects import LEAST_SHARED, Errors, fit, fit_two_way, log_factor_of


def independent(own: np.ndarray) -> Errors:
    return Errors(own, np.zeros((len(own), len(own))))


@pytest.mark.parametrize("k", [3, 6, 20])
@pytest.mark.parametrize("tau", [0.0, 0.1])
@pytest.mark.parametrize("phi", [0.2, 1.0])
def test_the_interval_of_the_mean_covers(k: int, tau: float, phi: float) -> None:
    rng, covered, tables = np.random.default_rng(0), 0, 120
    for _ in range(tables):
        own = np.exp(rng.uniform(-3.5, -2, k))
        y = 0.5 + tau * rng.standard_normal(k) + math.sqrt(phi) * own * rng.standard_normal(k)
        low, high = fit(y, independent(own), typical=0.2).coefficients[0].interval()
        covered += low <= 0.5 <= high
    assert covered >= 0.92 * tables - 2 * math.sqrt(0.08 * 0.92 * tables)


def test_tau_and_cochrans_q() -> None:
    rng = np.random.default_rng(0)
    own = np.full(200, 0.05)
    alike = fit(0.5 + own * rng.standard_normal(200), independent(own), typical=0.1)
    apart = fit(0.5 + 0.2 * rng.standard_normal(200) + own * rng.standard_normal(200), independent(own), typical=0.1)
    assert alike.p_value > 0.01
    assert alike.q == pytest.approx(199, rel=0.3)
    assert alike.tau < 0.05
    assert apart.p_value < 1e-6
    assert apart.tau == pytest.approx(0.2, rel=0.2)
    assert "differ" in apart.describe()
    low, high = apart.for_another().interval()
    assert (low, high) == pytest.approx((0.1, 0.9), abs=0.1)


def test_shared_errors_do_not_average_out() -> None:
    own = np.full(100, 0.1)
    y = 0.5 + 0.1 * np.random.default_rng(0).standard_normal(100)
    shared = 0.05**2 * (1 - np.eye(100))
    alone = fit(y, independent(own), typical=0.1).coefficients[0]
    together = fit(y, Errors(own, shared), typical=0.1).coefficients[0]
    assert together.value == pytest.approx(alone.value)
    least, most = (math.hypot(alone.standard_error, math.sqrt(factor) * 0.05) for factor in (LEAST_SHARED, 1.0))
    assert 0.99 * least < together.standard_error < 1.01 * most


def test_columns() -> None:
    rng = np.random.default_rng(1)
    x = np.stack([np.ones(40), rng.uniform(-1, 1, 40)], axis=1)
    own = np.full(40, 0.02)
    found = fit(x @ [0.5, -0.3] + own * rng.standard_normal(40), independent(own), x, typical=0.1)
    assert found.freedom == 38
    for coefficient, planted in zip(found.coefficients, (0.5, -0.3), strict=True):
        assert coefficient.value == pytest.approx(planted, abs=4 * coefficient.standard_error)
        assert coefficient.standard_error < 0.02


@pytest.mark.parametrize("k", [1, 2])
def test_few_settings(k: int) -> None:
    found = fit(np.full(k, 0.5), independent(np.full(k, 0.1)), typical=0.1)
    assert found.coefficients[0].value == pytest.approx(0.5)
    assert 0.03 < found.coefficients[0].standard_error < 0.3
    assert found.p_value == pytest.approx(1.0)


def test_two_ways_with_missing_cells() -> None:
    rng = np.random.default_rng(0)
    level, effect = rng.uniform(-3, 3, 30), np.array([0.0, 0.4, 1.0, 1.2, 2.0])
    y = level[:, None] + effect + 0.05 * rng.standard_normal((30, 5))
    y[rng.uniform(size=y.shape) < 0.3] = math.nan
    y = y[np.isfinite(y).sum(axis=1) > 1]
    found = fit_two_way(y, np.full(y.shape, 0.05), typical=0.2)
    assert found is not None
    differences = found.effects - found.effects[0]
    assert differences == pytest.approx(effect, abs=0.08)
    assert found.errors == pytest.approx(np.full(5, 0.05 / math.sqrt(21)), rel=0.6)


def test_batch_sizes_that_no_setting_links() -> None:
    y = np.array([[1.0, 2.0, math.nan, math.nan], [math.nan, math.nan, 3.0, 4.0]])
    assert fit_two_way(y, np.full(y.shape, 0.1), typical=0.2) is None


def test_the_factor_that_a_scatter_tells() -> None:
    prior, doubt = log_factor_of(0.0, 0)
    few, many = log_factor_of(0.4, 2), log_factor_of(40.0, 200)
    assert math.log(0.2) < many[0] < few[0] < prior
    assert many[1] < few[1] < doubt
    assert np.isfinite(log_factor_of(0.0, 5)).all()


def test_to_say_that_settings_differ_takes_more_than_the_errors_as_stated() -> None:
    y, own = 0.1 * np.random.default_rng(0).standard_normal(30), np.full(30, 0.03)
    narrow, wide = fit(y, independent(own), typical=0.1), fit(y, Errors(own, np.zeros((30, 30)), 4 * own), typical=0.1)
    assert narrow.p_value < 1e-6 < 0.05 < wide.p_value
    assert wide.q == pytest.approx(narrow.q / 16)
    assert wide.coefficients == narrow.coefficients
