"""Means over the seeds as the fit sees them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.scaling_law.compressed_means import (
    MAX_RATES,
    MIN_RATES,
    REACH,
    SAME_RATE,
    CompressedMeans,
    base_and_scale,
    compressed,
    expanded,
    mean_losses,
    near_minimum,
    with_fewer_rates,
)
from lrlab.scaling_law.table import Table

X = np.linspace(-2, 2, 9)


def trials(loss: np.ndarray) -> Table:
    return Table(np.full(len(loss), 32), np.exp(X[: len(loss)]), np.full(len(loss), "0"), loss)


def test_losses_near_the_least_are_not_compressed_and_order_is_kept() -> None:
    excess = np.linspace(-1, 1000, 5001)
    z = compressed(excess, 2.0)
    np.testing.assert_array_equal(z[excess <= 2], excess[excess <= 2])
    assert (np.diff(z) > 0).all()
    assert z[-1] < 20
    assert np.abs(np.diff(z)).max() <= np.diff(excess).max() + 1e-12


@given(st.floats(-10, 1e6), st.floats(1e-3, 1e3))
def test_what_is_compressed_can_be_expanded(excess: float, scale: float) -> None:
    np.testing.assert_allclose(expanded(compressed(np.array(excess), scale), scale), excess, rtol=1e-9)


def test_a_parabola_has_its_curvature_and_its_base() -> None:
    group = CompressedMeans.of(trials(5 + 0.5 * X**2), 5.0, 3.0, None)
    assert group.base == 5
    np.testing.assert_allclose(group.z[2:7], 0.5 * X[2:7] ** 2, atol=1e-12)
    assert 0.7 < group.curvature < 1.001
    assert not group.diverged


@pytest.mark.parametrize("finer", [1, 4, 16])
def test_the_scale_does_not_depend_on_how_fine_the_learning_rates_are(finer: int) -> None:
    x = np.linspace(-2, 2, 8 * finer + 1)
    base, scale = base_and_scale(x, 7 + x**2)
    assert base == 7
    assert scale == pytest.approx(4 * 1.2**2, rel=0.1)


def test_the_scale_is_that_of_the_side_that_rises_less() -> None:
    x = np.linspace(-2, 2, 17)
    assert base_and_scale(x, np.where(x > 0, 100 * x**2, x**2))[1] == pytest.approx(4 * 1.2**2, rel=0.1)


def test_a_learning_rate_of_diverged_trials_is_the_last_and_highest() -> None:
    group = CompressedMeans.of(trials((X - 1.5) ** 2), 0.0, 3.0, 3.0)
    assert group.diverged
    assert group.z[-1] == group.z.max()
    assert group.x[-1] == 5.0


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.4]), st.floats(-10, 10)), min_size=1, max_size=20))
def test_mean_losses_are_those_of_each_learning_rate(pairs: list[tuple[float, float]]) -> None:
    lr, loss = np.array(pairs).T
    one = Table(np.full(len(lr), 32), lr, np.full(len(lr), "0"), loss)
    naive: dict[float, Any] = {rate: np.mean(loss[lr == rate]) for rate in sorted(set(lr))}
    log_lr, means = mean_losses(one)
    np.testing.assert_allclose(log_lr, np.log(list(naive)))
    np.testing.assert_allclose(means, list(naive.values()), atol=1e-12)


def search(count: int, seeds: int, low: float = 1e-3, high: float = 1.0) -> Table:
    """A search's trials, each at a learning rate of its own; the best is at 0.03."""
    rng = np.random.default_rng(count + seeds)
    lr = np.exp(rng.uniform(np.log(low), np.log(high), count))
    loss = 1 + 0.05 * np.log(lr / 0.03) ** 2 + 0.01 * rng.standard_normal(count)
    return Table(np.full(count, 32), lr, (np.arange(count) % seeds).astype(str), loss)


def test_as_many_learning_rates_as_a_fit_can_take_are_left_alone() -> None:
    table = search(MAX_RATES, 1)
    assert with_fewer_rates(table) is table


@pytest.mark.parametrize("seeds", [1, 3, 5000], ids=["one seed", "three seeds", "a seed each"])
def test_thousands_of_learning_rates_become_no_more_than_a_curve_has_points(seeds: int) -> None:
    group = near_minimum(search(5000, seeds))
    assert group is not None
    assert len(group.x) <= 2 * REACH / SAME_RATE + 2
    assert np.isclose(group.means.best, np.log(0.03), atol=0.3)
    assert group.means.noise is not None
    np.testing.assert_allclose(np.median(np.diag(group.means.trial_covariance)), 0.01**2 / (5000 / 206), rtol=0.4)


def test_a_huge_range_of_learning_rates_has_many_in_the_table_and_few_in_the_fit() -> None:
    group = near_minimum(search(5000, 1, 1e-12, 1e3))
    assert group is not None
    assert MIN_RATES <= len(group.x) <= 2 * REACH / SAME_RATE + 2


def test_merged_learning_rates_keep_trials_seeds_and_losses_and_are_in_order() -> None:
    table = search(5000, 3)
    merged = with_fewer_rates(table)
    np.testing.assert_array_equal(merged.loss, table.loss)
    np.testing.assert_array_equal(merged.seed, table.seed)
    assert (np.diff(merged.lr[np.argsort(table.lr)]) >= 0).all()
    assert np.abs(np.log(merged.lr / table.lr)).max() <= SAME_RATE


def test_trials_that_diverged_are_merged_with_none() -> None:
    table = search(5000, 1)
    diverged = (table.lr > 0.3) & (np.arange(5000) % 2 == 0)
    group = near_minimum(Table(table.batch_size, table.lr, table.seed, np.where(diverged, np.inf, table.loss)))
    assert group is not None
    assert np.isfinite(group.z).all()
