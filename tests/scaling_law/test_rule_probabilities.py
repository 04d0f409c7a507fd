"""Probabilities of the rules, for optima with known noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.rule_probabilities import NONE, PRIOR, RuleProbabilities, weigh
from lrlab.scaling_law.rules import RULES, RuleName
from tests.scaling_law import synthetic
from tests.scaling_law.synthetic import BATCH_SIZES

LOG_BATCH = np.log(BATCH_SIZES)


def weighed(log_lr: np.ndarray, error: float) -> RuleProbabilities:
    return weigh(LOG_BATCH, [Estimate(float(x), error, 100) for x in log_lr])


@pytest.mark.parametrize(
    ("planted", "name"),
    [
        ("linear", "power_law"),
        ("power_0.8", "power_law"),
        ("constant", "power_law"),
        ("saturating", "saturating"),
        ("square_root_saturating", "square_root_saturating"),
        ("surge", "surge"),
        ("capped", "capped"),
    ],
)
def test_the_planted_rule_is_the_most_probable(planted: str, name: RuleName) -> None:
    found = weighed(np.log(synthetic.RULES[planted](BATCH_SIZES)), 0.03)
    assert found.best.name == name
    assert found.fits_well(name)
    assert found.probability[name] > 0.5


@pytest.mark.parametrize("planted", ["rise_then_fall", "zigzag"])
def test_none_of_the_known_is_the_answer_to_what_is_none_of_them(planted: str) -> None:
    found = weighed(np.log(synthetic.RULES[planted](BATCH_SIZES)), 0.05)
    assert found.probability[NONE] > 0.95
    assert not any(found.fits_well(name) for name in RULES)


@pytest.mark.parametrize("size", np.linspace(0.101, 0.201, 11).tolist())
def test_a_rule_fits_if_the_errors_explain_the_scatter_about_it(size: float) -> None:
    """With 99 %; two of the degrees of freedom are the level and the exponent."""
    found = weighed(LOG_BATCH + size * (-1.0) ** np.arange(7), 0.1)
    probability = stats.chi2(7 - 2).sf(found.fits["power_law"].best.chi_square)
    assert found.fits_well("power_law") == (probability >= 0.01)


def test_the_most_probable_knee_is_no_power_law() -> None:
    found = weighed(np.log(synthetic.RULES["linear"](BATCH_SIZES)), 0.05)
    assert found.best.name == "power_law"
    assert found.best_knee.name != "power_law"
    assert found.probability[found.best_knee.name] == max(found.probability[name] for name in RULES[1:])


def test_optima_known_to_no_use_leave_the_prior() -> None:
    found = weighed(LOG_BATCH, 1000.0)
    assert dict(found.probability) == pytest.approx(dict(PRIOR), abs=0.01)


@given(
    st.lists(st.floats(-10, 10), min_size=7, max_size=7),
    st.floats(0.01, 1),
    st.floats(-5, 5),
)
def test_probabilities_add_up_and_the_level_is_of_no_matter(log_lr: list[float], error: float, level: float) -> None:
    once, again = weighed(np.array(log_lr), error), weighed(np.array(log_lr) + level, error)
    assert sum(once.probability.values()) == pytest.approx(1)
    assert dict(again.probability) == pytest.approx(dict(once.probability), abs=1e-6)


def test_the_unit_of_the_batch_size_is_of_no_matter() -> None:
    log_lr = np.log(synthetic.RULES["saturating"](BATCH_SIZES))
    optima = [Estimate(float(x), 0.1, 4) for x in log_lr]
    once, again = weigh(LOG_BATCH, optima), weigh(LOG_BATCH + 3, optima)
    assert dict(again.probability) == pytest.approx(dict(once.probability), abs=1e-6)


def test_among_equals_the_wrong_rule_is_seldom_probable() -> None:
    """Over 100 draws from a saturating rule no wrong one is nearly certain more often than 1 in 20."""
    rng, wrong = np.random.default_rng(0), 0
    true = np.log(synthetic.RULES["saturating"](BATCH_SIZES))
    for _ in range(100):
        found = weighed(true + 0.1 * rng.standard_normal(7), 0.1)
        wrong += max(found.probability[name] for name in found.probability if name != "saturating") > 0.95
    assert wrong <= 5
