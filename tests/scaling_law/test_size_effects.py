import math
from itertools import product

import numpy as np
import pytest

from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.power_law import PowerLaw
from lrlab.scaling_law.setting_fit import SettingFit
from lrlab.scaling_law.size_effects import size_effects

LOG_BATCH = np.log([16.0, 32.0, 64.0, 128.0, 256.0])


def setting(exponent: float, level: float, rng: np.random.Generator) -> SettingFit:
    away = LOG_BATCH - LOG_BATCH.mean()
    optima = [Estimate(level + exponent * x + 0.03 * rng.standard_normal(), 0.03, 1e6) for x in away]
    return SettingFit(PowerLaw.fit(LOG_BATCH, optima), np.full(5, 0.01), math.log(2))


def test_sizes_are_told_apart_and_names_are_none() -> None:
    rng = np.random.default_rng(0)
    settings = {
        (name, width, depth): setting(0.5 + 0.1 * math.log(width / 32), -0.5 * math.log(depth), rng)
        for name, width, depth in product("ab", (8, 32, 128), (1, 2, 4))
    }
    width, depth = size_effects(("optimizer", "width", "depth"), settings)
    assert (width.key, depth.key) == ("width", "depth")
    assert width.batch_size == pytest.approx(64)
    for found, planted in (
        (width.exponent, 0.1),
        (width.log_lr, 0.0),
        (depth.exponent, 0.0),
        (depth.log_lr, -0.5),
    ):
        assert abs(found.value - planted) < 1.5 * found.half_width()
        assert found.half_width() < 0.1
    assert "which may be none" in depth.describe()
    assert "which may be none" not in width.describe()


@pytest.mark.parametrize(
    "values", [(1, 2, 2, 1, 2, 1), (0, 1, 2, 3, 4, 5), ("1", "2", "3", "a", "b", "c"), (None,) * 6]
)
def test_what_is_no_size(values: tuple) -> None:
    rng = np.random.default_rng(0)
    settings = {(value, place): setting(0.5, 0.0, rng) for place, value in enumerate(values)}
    assert [each.key for each in size_effects(("x",), settings)] == []


def test_too_few_settings_and_sizes_that_move_together() -> None:
    rng = np.random.default_rng(0)
    few = {(width,): setting(0.5, 0.0, rng) for width in (1, 2, 4)}
    assert size_effects(("width",), few) == ()
    together = {(width, 10 * width): setting(0.5, 0.0, rng) for width in (1, 2, 4, 8, 16, 32, 64)}
    assert size_effects(("width", "samples"), together) == ()
