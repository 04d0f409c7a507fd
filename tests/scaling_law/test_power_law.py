import numpy as np
import pytest

from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.power_law import PowerLaw

BATCH = np.array([32.0, 64.0, 256.0, 2048.0])


def law(log_lr: np.ndarray, noise: float = 0.1, freedom: int = 4) -> PowerLaw:
    return PowerLaw.fit(np.log(BATCH), [Estimate(float(x), noise, freedom) for x in log_lr])


def test_the_exponent_is_the_slope_of_least_squares() -> None:
    log_lr = np.array([-4.0, -3.5, -2.0, -1.2])
    slope, intercept = np.polyfit(np.log(BATCH), log_lr, 1)
    fitted = law(log_lr)
    assert fitted.exponent.value == pytest.approx(slope)
    assert fitted.at(100.0).value == pytest.approx(intercept + slope * np.log(100.0))


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


def test_how_well_each_optimum_is_known_does_not_move_the_line() -> None:
    log_lr = [-4.0, -3.5, -2.0, -1.2]
    uneven = [Estimate(x, noise, 4) for x, noise in zip(log_lr, (0.01, 1.0, 0.1, 0.5), strict=True)]
    found = PowerLaw.fit(np.log(BATCH), uneven).exponent.value
    assert found == pytest.approx(law(np.array(log_lr)).exponent.value)


@pytest.mark.parametrize(("a", "p"), [(0.01, 1.0), (0.3, 0.5), (1e-4, -0.2)])
def test_a_power_law_is_recovered(a: float, p: float) -> None:
    fitted = law(np.log(a * BATCH**p))
    assert fitted.exponent.value == pytest.approx(p)
    for batch_size in (16.0, 256.0):
        assert np.exp(fitted.at(batch_size).value) == pytest.approx(a * batch_size**p)
