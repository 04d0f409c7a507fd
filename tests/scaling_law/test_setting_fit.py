import math
from dataclasses import replace

import numpy as np
import pytest

from lrlab.scaling_law.analysis import analyse
from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.setting_fit import (
    INTERPOLATION_VARIANCE,
    alike,
    exponent_errors,
    level_errors,
    scatter,
    setting_fit,
    split,
)
from tests.scaling_law.synthetic import Noise, Simulation, edited


@pytest.fixture(scope="module")
def fits() -> list:
    found = []
    for number in range(3):
        columns = Simulation(family="morse", noise=Noise(0.002)).table(number)
        rates = np.array(columns["lr"]) * [1.0, 1.0, 4.0][number]
        found.append(setting_fit(analyse(edited(columns, lr=rates), draws=300)))
    assert None not in found
    return found


def test_parts_add_up_to_less_than_the_cautious_error() -> None:
    noise, interpolation = split(Estimate(0.0, 0.5, 1e6), 0.4)
    assert (noise, interpolation) == pytest.approx((0.3, 0.4 * math.sqrt(INTERPOLATION_VARIANCE)), rel=1e-3)
    noise, interpolation = split(Estimate(0.0, 0.5, 1e6), 0.9)  # never more than there is
    assert noise > 0
    assert interpolation < 0.5


def test_errors_of_exponents_and_levels(fits: list) -> None:
    errors = exponent_errors(fits)
    assert (errors.own > 0).all()
    assert (errors.own <= np.array([each.law.exponent.half_width() / 1.95 for each in fits])).all()
    assert np.diagonal(errors.shared) == pytest.approx(0)
    assert (level_errors(fits, 256.0).own > 0).all()


def test_settings_with_the_same_optima_share_their_misfit(fits: list) -> None:
    correlation = alike(fits)
    assert correlation[0, 0] == 1
    assert correlation[0, 1] > 0.5
    assert correlation[0, 2] < 0.01


def test_what_settings_have_in_common_is_no_scatter(fits: list) -> None:
    chi_square, freedom = scatter([fits[0]] * 3)
    assert chi_square == pytest.approx(0, abs=1e-9)
    assert freedom == 3 * (len(fits[0].interpolation_errors) - 2) - (len(fits[0].interpolation_errors) - 2)
    optima = [replace(one, value=one.value + 0.3 * (-1) ** place) for place, one in enumerate(fits[0].law.optima)]
    bent = replace(fits[0], law=replace(fits[0].law, optima=optima))
    assert scatter([fits[0], bent])[0] > 1


def test_a_setting_that_knows_too_little() -> None:
    columns = Simulation(batch_sizes=(32, 64)).table(0)
    assert setting_fit(analyse(columns, draws=100)) is None
