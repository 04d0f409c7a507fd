import numpy as np
import pytest

from lrlab.scaling.estimate import Estimate
from lrlab.scaling.power_law import PowerLaw

BATCH = np.array([32.0, 64.0, 256.0, 2048.0])


def law(log_lr: np.ndarray, noise: float = 0.1, freedom: int = 4) -> PowerLaw:
    return PowerLaw.fit(np.log(BATCH), [Estimate(float(x), noise, freedom) for x in log_lr])


def test_the_exponent_is_the_slope_of_least_squares() -> None:
    log_lr = np.array([-4.0, -3.5, -2.0, -1.2])
    slope, intercept = np.polyfit(np.log(BATCH), log_lr, 1)
    fitted = law(log_lr)
    assert fitted.exponent.value == pytest.approx(slope)
    assert fitted.at(100.0).value == pytest.approx(intercept + slope * np.log(100.0))
    np.testing.assert_allclose(fitted.log_lr(np.log([100.0])), intercept + slope * np.log(100.0))


def test_with_equal_noise_the_standard_errors_are_those_of_least_squares() -> None:
    x = np.stack([np.ones(4), np.log(BATCH)], axis=1)
    covariance = 0.1**2 * np.linalg.inv(x.T @ x)
    fitted = law(np.zeros(4))
    assert fitted.exponent.standard_error == pytest.approx(np.sqrt(covariance[1, 1]))
    here = np.array([1.0, np.log(100.0)])
    assert fitted.at(100.0).standard_error == pytest.approx(np.sqrt(here @ covariance @ here))


def test_a_noisy_optimum_at_an_end_makes_the_exponent_uncertain() -> None:
    parts = [Estimate(0.0, noise, 2) for noise in (0.01, 0.01, 0.01, 1.0)]
    exponent = PowerLaw.fit(np.log(BATCH), parts).exponent
    assert exponent.standard_error > 10 * law(np.zeros(4), 0.01).exponent.standard_error
    assert exponent.degrees_of_freedom == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize(("a", "p"), [(0.01, 1.0), (0.3, 0.5), (1e-4, -0.2)])
def test_a_power_law_is_recovered(a: float, p: float) -> None:
    optima = [Estimate(float(x), 0.1, 4) for x in np.log(a * BATCH**p)]
    new = np.array([16.0, 256.0])
    for fitted in (PowerLaw.fit(np.log(BATCH), optima), PowerLaw.fit(np.log(BATCH), optima, exponent=p)):
        assert fitted.exponent.value == pytest.approx(p)
        np.testing.assert_allclose(np.exp(fitted.log_lr(np.log(new))), a * new**p)


def test_of_a_given_exponent_the_nearest_line_is_found() -> None:
    log_lr = np.array([-4.0, -3.5, -2.0, -1.2])
    optima = [Estimate(float(x), 0.1, 4) for x in log_lr]
    fitted = PowerLaw.fit(np.log(BATCH), optima, exponent=0.5)
    assert fitted.exponent == Estimate(0.5, 0.0, np.inf)
    assert np.sum(log_lr - fitted.log_lr(np.log(BATCH))) == pytest.approx(0, abs=1e-12)
