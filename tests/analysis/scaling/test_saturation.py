import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from lrlab.analysis.scaling.saturation import SaturationProfile, SaturationRule

LOG_BATCH = np.log(2.0 ** np.arange(5, 12))


def noisy(log_lr: np.ndarray, noise: float = 0.05) -> np.ndarray:
    return log_lr + noise * np.random.default_rng(3).standard_normal(len(LOG_BATCH))


def test_formula() -> None:
    batch = np.array([16.0, 256.0])
    np.testing.assert_allclose(np.exp(SaturationRule(0.3, 64.0).log_lr(np.log(batch))), 0.3 / (1 + 64 / batch))


@pytest.mark.parametrize("rule", [SaturationRule(0.06, 256.0), SaturationRule(3.0, 10.0), SaturationRule(0.1, 4000.0)])
def test_a_saturation_is_recovered(rule: SaturationRule) -> None:
    found = SaturationProfile(LOG_BATCH, rule.log_lr(LOG_BATCH)).best()
    assert found.batch_noise == pytest.approx(rule.batch_noise, rel=0.01)
    assert found.lr_max == pytest.approx(rule.lr_max, rel=0.01)


def squares(x: np.ndarray, *, log_noise: float | None = None, log_max: float | None = None) -> float:
    """Least squared residuals with one number given and the other free, by a general minimizer."""

    def residual(free: float) -> float:
        noise, top = (log_noise, free) if log_noise is not None else (free, log_max)
        assert noise is not None
        assert top is not None
        return float(((x - top + np.log1p(np.exp(noise - LOG_BATCH))) ** 2).sum())

    return float(minimize_scalar(residual, bounds=(-20, 20), method="bounded", options={"xatol": 1e-10}).fun)


def test_intervals_end_where_the_squares_have_risen_by_half_width_squared() -> None:
    x = noisy(SaturationRule(0.06, 256.0).log_lr(LOG_BATCH))
    profile = SaturationProfile(LOG_BATCH, x)
    least, half_width = profile.squares.min(), 0.12
    for end in profile.batch_noise(half_width):
        assert squares(x, log_noise=math.log(end)) - least == pytest.approx(half_width**2, rel=0.06)  # a grid step
    for end in profile.lr_max(half_width):
        assert squares(x, log_max=math.log(end)) - least == pytest.approx(half_width**2, rel=0.06)


def test_what_never_flattens_has_no_upper_end() -> None:
    profile = SaturationProfile(LOG_BATCH, noisy(math.log(0.01) + LOG_BATCH))
    assert profile.batch_noise(0.1)[1] == math.inf
    assert profile.lr_max(0.1)[1] == math.inf


def test_what_never_rises_has_no_lower_end() -> None:
    profile = SaturationProfile(LOG_BATCH, noisy(np.full(len(LOG_BATCH), math.log(0.01))))
    assert profile.batch_noise(0.1)[0] == 0.0
    low, high = profile.lr_max(0.1)
    assert 0.009 < low < high < 0.012


def test_weights_are_the_derivatives_of_the_fitted_numbers() -> None:
    rule = SaturationRule(0.06, 256.0)
    x = rule.log_lr(LOG_BATCH)
    step = 0.2  # wide against the grid of the profile
    for i, weight in enumerate(rule.weights(LOG_BATCH).T):
        up, down = (SaturationProfile(LOG_BATCH, x + sign * step * np.eye(len(x))[i]).best() for sign in (1, -1))
        moved = np.log([up.lr_max / down.lr_max, up.batch_noise / down.batch_noise]) / (2 * step)
        np.testing.assert_allclose(weight, moved, atol=0.05)
