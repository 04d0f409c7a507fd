"""The shapes of the rules, and their fit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.rules import (
    KNEE_SHAPES,
    FittedRule,
    RuleName,
    fit,
    integrate_level,
    normal_errors,
    shape,
)
from tests.scaling_law.synthetic import BATCH_SIZES, RULES

LOG_BATCH = np.log(BATCH_SIZES)
FAR = 20.0  # from the knee, in ln B
KNEE = math.log(256.0)


@pytest.mark.parametrize(
    ("name", "below", "above"),
    [
        ("saturating", 1.0, 0.0),
        ("square_root_saturating", 0.5, 0.0),
        ("surge", 0.5, -0.5),
        ("capped", 1.0, 0.0),
        ("square_root_capped", 0.5, 0.0),
    ],
)
def test_the_exponents_far_below_and_above_the_knee(name: RuleName, below: float, above: float) -> None:
    for far, slope in ((-FAR, below), (FAR, above)):
        start, end = shape(name, 0.0, np.array([far - 0.5, far + 0.5]))
        assert end - start == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("name", KNEE_SHAPES)
def test_the_level_is_that_of_the_largest_learning_rate(name: RuleName) -> None:
    highest = shape(name, KNEE, np.linspace(KNEE - FAR, KNEE + FAR, 401)).max()
    assert highest == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "lr"),
    [
        ("power_law", lambda b: b**0.7),
        ("saturating", lambda b: 1 / (1 + 256 / b)),
        ("square_root_saturating", lambda b: 1 / np.sqrt(1 + 256 / b)),
        ("surge", lambda b: 2 / (np.sqrt(256 / b) + np.sqrt(b / 256))),
        ("capped", lambda b: np.minimum(b / 256, 1)),
        ("square_root_capped", lambda b: np.minimum(np.sqrt(b / 256), 1)),
    ],
)
def test_shapes_are_the_formulas_of_the_rules(name: RuleName, lr) -> None:
    parameter = 0.7 if name == "power_law" else KNEE
    rule = FittedRule(name, parameter, level=-2.0, chi_square=0.0)
    np.testing.assert_allclose(np.exp(rule.log_lr(LOG_BATCH)), np.exp(-2.0) * lr(BATCH_SIZES))


@pytest.mark.parametrize(
    ("name", "planted", "parameter"),
    [
        ("power_law", "linear", 1.0),
        ("power_law", "square_root", 0.5),
        ("power_law", "constant", 0.0),
        ("saturating", "saturating", KNEE),
        ("square_root_saturating", "square_root_saturating", KNEE),
        ("surge", "surge", KNEE),
        ("capped", "capped", KNEE),
    ],
)
def test_a_planted_rule_is_recovered(name: RuleName, planted: str, parameter: float) -> None:
    log_lr = np.log(RULES[planted](BATCH_SIZES))
    fits = fit(name, LOG_BATCH, log_lr, np.full(7, 0.05))
    assert fits.best.parameter == pytest.approx(parameter, abs=0.05)
    np.testing.assert_allclose(fits.best.log_lr(LOG_BATCH), log_lr, atol=0.05)
    low, high = fits.interval()
    assert low < parameter < high


def test_the_interval_of_the_exponent_is_that_of_least_squares() -> None:
    log_lr = LOG_BATCH * 0.7 + 0.1 * np.random.default_rng(0).standard_normal(7)
    low, high = fit("power_law", LOG_BATCH, log_lr, np.full(7, 0.2)).interval()
    away = LOG_BATCH - LOG_BATCH.mean()
    expected = stats.norm(np.polyfit(LOG_BATCH, log_lr, 1)[0], 0.2 / math.sqrt(away @ away)).interval(0.95)
    np.testing.assert_allclose([low, high], expected, atol=0.025)  # the grid of exponents


@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(0.05, 2)), min_size=2, max_size=6),
)
def test_the_level_is_integrated_out(points: list[tuple[float, float]]) -> None:
    left, error = np.array(points).T

    def likelihood(level: float) -> float:
        return float(np.exp(-(((left - level) / error) ** 2) / 2).prod() / error.prod())

    level, chi_square, log_evidence = (float(each[0]) for each in integrate_level(left[None], error))
    assert chi_square == pytest.approx(float((((left - level) / error) ** 2).sum()))
    assert likelihood(level) >= max(likelihood(level - 0.01), likelihood(level + 0.01))
    integral = integrate.quad(lambda x: likelihood(level + x) / likelihood(level), -20, 20, points=[0.0], limit=200)[0]
    expected = math.log(integral) - chi_square / 2 - float(np.log(error).sum())
    assert log_evidence + math.log(2 * math.pi) / 2 == pytest.approx(expected, abs=1e-4)


def test_normal_errors_have_the_intervals_of_the_optima() -> None:
    optima = [Estimate(0.0, 0.1, 3), Estimate(1.0, 0.3, math.inf)]
    errors = normal_errors(optima)
    for optimum, error in zip(optima, errors, strict=True):
        np.testing.assert_allclose(stats.norm(optimum.value, error).interval(0.95), optimum.interval())
