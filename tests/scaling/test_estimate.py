import math

import numpy as np
import pytest
from scipy import stats

from lrlab.scaling.estimate import Estimate, weighted_sum


def test_the_interval_is_that_of_student() -> None:
    values = np.array([1.0, 2.0, 4.0])
    one = Estimate(float(values.mean()), float(values.std(ddof=1) / math.sqrt(3)), 2)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.9)
    np.testing.assert_allclose(one.interval(0.9), expected)


def test_a_difference_of_means_is_that_of_welch() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, 4), rng.normal(0, 5, 7)
    means = [Estimate(float(x.mean()), float(x.std(ddof=1) / math.sqrt(len(x))), len(x) - 1) for x in (a, b)]
    found = weighted_sum(np.array([1.0, -1.0]), means)
    expected = stats.ttest_ind(a, b, equal_var=False)
    assert found.degrees_of_freedom == pytest.approx(expected.df)
    np.testing.assert_allclose(found.interval(), expected.confidence_interval(0.95))


def test_scaling_the_weights_scales_the_estimate() -> None:
    parts = [Estimate(1.0, 0.3, 2), Estimate(-2.0, 0.1, 4)]
    once, thrice = weighted_sum(np.array([0.5, 2.0]), parts), weighted_sum(np.array([1.5, 6.0]), parts)
    assert thrice.value == pytest.approx(3 * once.value)
    assert thrice.standard_error == pytest.approx(3 * once.standard_error)
    assert thrice.degrees_of_freedom == pytest.approx(once.degrees_of_freedom)
