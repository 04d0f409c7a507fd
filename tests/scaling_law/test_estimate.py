import math

import numpy as np
import pytest
from scipy import stats

from lrlab.scaling_law.estimate import Estimate, mean_of, weighted_sum


def test_the_interval_is_that_of_student() -> None:
    values = np.array([1.0, 2.0, 4.0])
    one = Estimate(float(values.mean()), float(values.std(ddof=1) / math.sqrt(3)), 2)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.9)
    np.testing.assert_allclose(one.interval(0.9), expected)


def test_the_mean_of_values_has_the_error_that_they_show() -> None:
    values = np.random.default_rng(0).normal(2, 3, 6)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval()
    np.testing.assert_allclose(mean_of(values.tolist()).interval(), expected)


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


def of_seeds(losses: np.ndarray, names: str) -> Estimate:
    """Return the mean over seeds (S,), all of whose noise is that of the seeds."""
    shifts = dict(zip(names, (losses - losses.mean()) / len(losses), strict=True))
    variance = float(losses.var(ddof=1) / len(losses))
    return Estimate(float(losses.mean()), math.sqrt(variance), len(losses) - 1, variance, shifts)


DIFFERENCE, SUM = np.array([1.0, -1.0]), np.array([1.0, 1.0])
NAMES = "".join(map(chr, range(97, 137)))


def test_what_seeds_have_in_common_cancels_in_a_difference() -> None:
    rng = np.random.default_rng(0)
    common, own = rng.standard_normal(40), 0.3 * rng.standard_normal((2, 40))
    a, b = common + own
    paired = weighted_sum(DIFFERENCE, [of_seeds(a, NAMES), of_seeds(b, NAMES)])
    exact, unpaired = stats.sem(a - b), math.hypot(stats.sem(a), stats.sem(b))
    assert exact < paired.standard_error < 0.5 * unpaired
    assert sum(paired.seed_shifts.values()) == pytest.approx(0)
    doubled = weighted_sum(SUM, [of_seeds(a, NAMES), of_seeds(b, NAMES)])
    assert unpaired < doubled.standard_error < stats.sem(a + b)


def test_few_seeds_say_little_of_what_they_have_in_common() -> None:
    few = weighted_sum(DIFFERENCE, [of_seeds(np.array([1.0, 2.0]), "ab"), of_seeds(np.array([2.0, 3.0]), "ab")])
    assert 0.8 * math.hypot(0.5, 0.5) < few.standard_error < math.hypot(0.5, 0.5)


def test_other_seeds_are_independent() -> None:
    a, b = np.random.default_rng(0).standard_normal((2, 20))
    apart = weighted_sum(DIFFERENCE, [of_seeds(a, NAMES[:20]), of_seeds(b, NAMES[20:])])
    assert apart.standard_error == pytest.approx(math.hypot(stats.sem(a), stats.sem(b)))


def test_a_misfit_is_not_paired() -> None:
    common = np.random.default_rng(0).standard_normal(40)
    one = of_seeds(common, NAMES)
    misfit = Estimate(one.value, math.hypot(one.standard_error, 1.0), 100, one.seed_variance, one.seed_shifts)
    assert weighted_sum(DIFFERENCE, [misfit, misfit]).standard_error == pytest.approx(math.sqrt(2), rel=0.01)
