"""Means over the seeds and their noise, against naive versions and against noise that was planted."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.scaling_law.seed_means import NOISE_REACH, SeedMeans, SeedNoise, with_common_tilt, without_levels
from lrlab.scaling_law.table import Table

X = np.linspace(-2, 2, 9)


def table(loss: np.ndarray, x: np.ndarray = X) -> Table:
    """Losses (S, R) at x (R,); a trial that is nan is missing."""
    seeds, rates = loss.shape
    every = Table(
        batch_size=np.full(loss.size, 32),
        lr=np.tile(np.exp(x), seeds),
        seed=np.repeat([str(seed) for seed in range(seeds)], rates),
        loss=loss.ravel(),
    )
    return every.rows(np.isfinite(every.loss))


def planted(seed: int, *, seeds: int = 5, level: float = 0.0, tilt: float = 0.0, trial: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    levels, tilts = level * rng.standard_normal(seeds), tilt * rng.standard_normal(seeds)
    return X**2 + levels[:, None] + np.outer(tilts, X) + trial * rng.standard_normal((seeds, len(X)))


def test_of_a_full_table_the_means_are_the_means() -> None:
    loss = planted(0, level=1.0)
    means = SeedMeans.of(table(loss))
    np.testing.assert_allclose(means.log_lr, X)
    np.testing.assert_allclose(means.loss, loss.mean(axis=0))
    assert means.seeds == 5
    assert means.best == means.log_lr[loss.mean(axis=0).argmin()]


@given(st.integers(0, 1000), st.floats(0, 0.4))
def test_with_missing_cells_the_means_are_those_of_least_squares(seed: int, missing: float) -> None:
    loss = planted(seed, level=1.0)
    loss[1:][np.random.default_rng(seed).uniform(size=(4, 9)) < missing] = math.nan
    number, rate = np.nonzero(np.isfinite(loss))
    y = without_levels(table(loss)).loss
    squares = np.array([((y[rate == at] - y[rate == at].mean()) ** 2).sum() for at in range(9)])
    near = np.exp(-(((X[:, None] - X) / NOISE_REACH) ** 2) / 2)
    variance = near @ squares / (near @ (np.bincount(rate, minlength=9) - 1))
    root = variance[rate] ** -0.5
    y = loss[number, rate]
    columns = np.concatenate([np.eye(9)[rate], np.eye(5)[number]], axis=1)
    fitted = np.linalg.lstsq(columns * root[:, None], y * root, rcond=None)[0][:9]
    found = SeedMeans.of(table(loss)).loss
    np.testing.assert_allclose(found - found[0], fitted - fitted[0], atol=1e-8)


def test_levels_of_the_seeds_change_the_mean_level_only() -> None:
    loss = planted(1)
    loss[2, :4] = math.nan
    levels = np.array([[3.0], [-1.0], [7.0], [0.0], [2.0]])
    once, again = SeedMeans.of(table(loss)), SeedMeans.of(table(loss + levels))
    np.testing.assert_allclose(np.diff(again.loss), np.diff(once.loss), atol=0.02)  # the weights of trials differ
    assert once.noise is not None
    assert again.noise is not None
    assert again.noise.tilt == pytest.approx(once.noise.tilt, rel=0.5)


def test_without_levels_what_the_seeds_differ_by_is_gone_but_for_trials_and_tilts() -> None:
    levels = np.array([[3.0], [-1.0], [7.0], [0.0], [2.0]])
    left = without_levels(table(X**2 + levels))
    np.testing.assert_allclose(left.loss.reshape(5, 9), np.tile(X**2 + levels.mean(), (5, 1)))


def test_a_seed_that_fails_at_high_learning_rates_keeps_its_level() -> None:
    loss = np.tile(X**2, (3, 1))
    loss[0, -3:] = 1000.0
    np.testing.assert_allclose(without_levels(table(loss)).loss, table(loss).loss)


def test_learning_rates_that_no_seed_links_keep_their_losses() -> None:
    loss = np.where(np.eye(9, dtype=bool), X**2, math.nan)  # each seed at one learning rate
    one = table(loss)
    assert without_levels(one) is one
    means = SeedMeans.of(one)
    np.testing.assert_allclose(means.loss, X**2)
    assert means.seeds == 1
    assert means.noise is None


def of_cells(*cells: tuple[int, int]) -> Table:
    """Trials at (learning rate, seed)."""
    rate, seed = np.array(cells).T
    return Table(np.full(len(cells), 32), np.exp(X[rate]), seed.astype(str), X[rate] ** 2 + seed)


@pytest.mark.parametrize(
    ("cells", "linked"),
    [
        ([(0, 0), (1, 0), (2, 0)], True),
        ([(0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2)], True),  # a chain
        ([(3, 2), (2, 2), (2, 1), (1, 1), (1, 0), (0, 0)], True),
        ([(0, 0), (1, 0), (2, 1), (3, 1)], False),
        ([(0, 0), (1, 1), (2, 2)], False),
        ([(0, 0), (0, 1), (0, 2)], True),  # one learning rate
        ([(0, 0), (0, 1), (1, 2), (1, 3)], False),
    ],
)
def test_levels_are_taken_off_where_a_chain_of_seeds_links_the_learning_rates(
    cells: list[tuple[int, int]], linked: bool
) -> None:
    table = of_cells(*cells)
    assert (without_levels(table) is not table) == linked
    assert (SeedMeans.of(table).seeds == len({seed for _, seed in cells})) == linked


def test_thousands_of_learning_rates_are_linked_by_their_seeds_without_a_matrix_of_them() -> None:
    count = 50_000  # whose matrix would take 20 GB
    lr = np.exp(np.linspace(-5, 0, count))
    table = Table(np.full(count, 32), lr, np.arange(count).astype(str), np.ones(count))
    assert without_levels(table) is table


def test_repeated_trials_of_one_seed_do_not_say_that_another_seed_has_its_optimum() -> None:
    once, again = planted(0, seeds=1), planted(1, seeds=1)
    repeated = SeedMeans.of(replace(table(np.concatenate([once, again])), seed=np.full(18, "0")))
    assert repeated.seeds == 1
    assert repeated.noise is not None
    assert repeated.noise.tilt > 0
    own = SeedMeans.of(replace(table(np.concatenate([once, again])), seed=np.arange(18).astype(str)))
    assert own.noise is not None
    assert own.noise.tilt == 0  # seeds of their own have it in what the trials scatter


def test_one_trial_at_each_learning_rate_tells_no_noise() -> None:
    assert SeedMeans.of(table(planted(0, seeds=1))).noise is None


def test_the_measured_noise_is_the_planted_one_on_average() -> None:
    noises = [SeedMeans.of(table(planted(seed, level=1.0, tilt=0.3))).noise for seed in range(300)]
    measured = [noise for noise in noises if noise]
    assert len(measured) == 300
    tilt = np.mean([noise.tilt - noise.trial_tilt for noise in measured])
    assert 0.6 < tilt / 0.3**2 < 1.05  # a part of it passes for noise of the trials
    assert measured[0].freedom == 4


def test_the_covariance_of_the_means_is_the_one_over_many_tables() -> None:
    """Up to a constant: of differences to the learning rate in the middle, which is the best."""
    many = np.array([SeedMeans.of(table(planted(seed, level=1.0, tilt=0.3))).loss for seed in range(2000)])
    means = replace(SeedMeans.of(table(planted(0))), loss=X**2, trial_covariance=0.1**2 / 5 * np.eye(9))
    covariance = means.covariance(SeedNoise(1.0, 0.3**2, 4))
    differences = np.eye(9) - np.eye(9)[4]
    expected = differences @ covariance @ differences.T
    found = np.cov((many - many[:, 4:5]).T)
    np.testing.assert_allclose(np.diag(found), np.diag(expected), rtol=0.15, atol=1e-9)
    np.testing.assert_allclose(found, expected, atol=0.15 * expected.max())


def test_the_covariance_of_the_trials_is_that_of_weighted_least_squares() -> None:
    loss = planted(3, level=1.0, seeds=40)
    means = SeedMeans.of(table(loss))
    apart = np.diff(np.eye(9), axis=0)
    np.testing.assert_allclose(np.diag(apart @ means.trial_covariance @ apart.T), 2 * 0.1**2 / 40, rtol=0.4)


def test_high_learning_rates_may_scatter_more() -> None:
    loss = X**2 + np.where(X > 1, 1.0, 0.01) * np.random.default_rng(0).standard_normal((10, 9))
    covariance = np.diag(SeedMeans.of(table(loss)).trial_covariance)
    assert covariance[-1] > 10 * covariance[2]


def test_the_influences_of_the_seeds_add_up_to_nothing() -> None:
    loss = planted(4, level=1.0, tilt=0.2)
    loss[1, 3:5] = math.nan
    influences = SeedMeans.of(table(loss)).influences
    assert list(influences) == ["0", "1", "2", "3", "4"]
    np.testing.assert_allclose(sum(influences.values()), 0, atol=1e-9)


def test_noise_times_a_factor() -> None:
    means = SeedMeans.of(table(planted(0, tilt=0.3)))
    assert means.noise is not None
    doubled = means.with_noise_times(2.0)
    assert doubled.noise is not None
    np.testing.assert_allclose(doubled.covariance(doubled.noise), 2 * means.covariance(means.noise))


def noisy(tilt: float, freedom: float = 4.0) -> SeedMeans:
    return SeedMeans(X, X**2, np.eye(9), 5, {}, SeedNoise(1.0, tilt, freedom))


def variances(groups: list[SeedMeans]) -> list[float]:
    return [group.noise.tilt for group in with_common_tilt(groups) if group.noise]


def test_the_noise_of_alike_batch_sizes_is_drawn_together() -> None:
    rng = np.random.default_rng(0)
    alike = list(rng.chisquare(4, 20) / 4)
    drawn = variances([noisy(trial) for trial in alike])
    assert np.std(np.log(drawn)) < 0.4 * np.std(np.log(alike))
    assert np.argmin(drawn) == np.argmin(alike)
    assert np.mean(drawn) == pytest.approx(1, rel=0.25)


def test_the_noise_of_unlike_batch_sizes_is_left_to_them() -> None:
    unlike = [10.0**power for power in range(-6, 6)]
    drawn = variances([noisy(trial, 20.0) for trial in unlike])
    assert max(drawn[:3]) < 0.02  # a common variance of 0.3 with half a degree of freedom against 20
    np.testing.assert_allclose(drawn[5:], unlike[5:], rtol=0.2)


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=8), st.floats(1e-6, 1e6))
def test_the_unit_of_the_loss_is_of_no_matter(trials: list[float], unit: float) -> None:
    once, again = variances([noisy(t) for t in trials]), variances([noisy(t * unit) for t in trials])
    np.testing.assert_allclose(again, np.array(once) * unit, rtol=1e-3)
