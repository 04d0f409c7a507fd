import math

import numpy as np
import pytest
from scipy import stats

from lrlab.analysis.scaling.estimate import Estimate
from lrlab.analysis.scaling.model_selection import FittedRule, RuleComparison, compare
from lrlab.analysis.scaling.saturation import SaturationRule
from tests.analysis.scaling.synthetic import BATCH_SIZES, RULES

LOG_BATCH = np.log(BATCH_SIZES)


def compared(best: np.ndarray, noise: float = 0.05, shift: np.ndarray | float = 0.0) -> RuleComparison:
    return compare(LOG_BATCH, [Estimate(float(x), noise, 4) for x in np.log(best) + shift])


def test_misfit_and_criterion_as_defined() -> None:
    reading = FittedRule(SaturationRule(1.0, 1.0), n_parameters=2, rss=0.6, optima=8)
    noise = Estimate(0.0, 0.2, 10)
    assert reading.residual_std == Estimate(0.0, math.sqrt(0.1), 6)
    assert reading.aic(noise) == pytest.approx(0.6 / 0.04 + 4)
    assert reading.p_value(noise) == pytest.approx(stats.f.sf(0.1 / 0.04, 6, 10))


@pytest.mark.parametrize("name", ["linear", "square_root", "saturating"])
def test_the_planted_reading_is_best(name: str) -> None:
    readings = compared(RULES[name])
    assert readings.best == name
    assert getattr(readings, name).rss == pytest.approx(0.0, abs=1e-4)


def test_the_free_power_law_is_never_further_off_than_its_cases() -> None:
    readings = compared(RULES["power_0.8"], shift=0.1 * np.random.default_rng(0).standard_normal(7))
    assert readings.power_law.rss <= min(readings.linear.rss, readings.square_root.rss)
    assert readings.saturating.rss <= readings.linear.rss * 1.0001  # B_noise ends at 1000 times the largest


def test_the_noise_is_that_of_the_seeds_if_it_explains_the_scatter() -> None:
    readings = compared(RULES["saturating"])
    assert readings.noise == readings.seeds
    assert readings.seeds.standard_error == pytest.approx(0.05)
    assert readings.seeds.degrees_of_freedom == pytest.approx(7 * 4)


def test_the_noise_is_the_scatter_if_seeds_do_not_explain_it() -> None:
    zigzag = 0.2 * (-1.0) ** np.arange(7)
    readings = compared(RULES["saturating"], noise=0.01, shift=zigzag)
    assert readings.noise == readings.saturating.residual_std
    assert readings.noise.standard_error > 0.2
    least, most = readings.batch_noise
    sharp = compared(RULES["saturating"], noise=0.01).batch_noise
    assert most / least > 5 * sharp[1] / sharp[0]


def test_more_noise_makes_wider_intervals() -> None:
    narrow, wide = (compared(RULES["saturating"], noise) for noise in (0.02, 0.1))
    for interval in ("lr_max", "batch_noise"):
        low, high = getattr(wide, interval)
        inner_low, inner_high = getattr(narrow, interval)
        assert low < inner_low < inner_high < high
