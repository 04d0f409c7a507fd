import math

import numpy as np

from lrlab.analysis.scaling.table import Table
from lrlab.analysis.scaling.trial_selection import Points, near_minimum

RATES = 2.0 ** np.arange(-9, 0)


def trials(loss: np.ndarray, seeds: int = 3, lr: np.ndarray = RATES) -> Table:
    """The same losses for every seed."""
    rows = len(lr) * seeds
    return Table(
        batch_size=np.full(rows, 32),
        lr=np.tile(lr, seeds),
        seed=np.repeat([f"s{seed}" for seed in range(seeds)], len(lr)),
        loss=np.tile(loss, seeds),
    )


def kept(points: Points | None) -> list[int]:
    """Which of the learning rates, counted from 0."""
    assert points is not None
    return [int(i) for i in np.flatnonzero(np.isin(np.log(RATES), points.log_lr))]


def test_seeds_are_numbered_whatever_their_labels() -> None:
    points = near_minimum(trials(np.ones(9)))
    assert points is not None
    assert sorted(set(points.seed)) == [0, 1, 2]
    assert points.seeds == 3


def test_means_are_over_the_seeds_of_a_learning_rate() -> None:
    points = Points.from_labels(np.array([0.0, 1.0, 0.0]), np.array([1.0, 5.0, 2.0]), np.array(["a", "a", "b"]))
    rates, mean = points.means()
    np.testing.assert_array_equal(rates, [0.0, 1.0])
    np.testing.assert_array_equal(mean, [1.5, 5.0])


def test_only_losses_near_the_least_are_kept() -> None:
    loss = np.array([1.5, 1.09, 1.05, 1.02, 1.0, 1.02, 1.05, 1.5, 9.0])
    assert kept(near_minimum(trials(loss))) == [1, 2, 3, 4, 5, 6]


def test_five_learning_rates_are_kept_however_steep_the_curve() -> None:
    loss = np.array([9.0, 8.0, 7.0, 3.0, 1.0, 4.0, 5.0, 8.0, 9.0])
    assert kept(near_minimum(trials(loss))) == [2, 3, 4, 5, 6]


def test_the_wall_above_the_optimum_is_kept() -> None:
    loss = np.array([1.08, 1.06, 1.05, 1.03, 1.02, 1.0, 2.0, 3.0, 4.0])
    assert kept(near_minimum(trials(loss))) == [0, 1, 2, 3, 4, 5, 6]


def test_a_learning_rate_at_which_a_trial_diverged_is_left_out() -> None:
    table = trials(np.ones(9))
    table.loss[9 + 8] = math.inf  # of the second seed, at the largest
    assert kept(near_minimum(table)) == list(range(8))


def test_a_seed_with_few_trials_is_left_out() -> None:
    table = trials(np.ones(9))
    few = (table.seed != "s1") | (table.lr > RATES[5])
    points = near_minimum(Table(table.batch_size[few], table.lr[few], table.seed[few], table.loss[few]))
    assert points is not None
    assert points.seeds == 2


def test_too_few_finite_learning_rates_are_no_points() -> None:
    assert near_minimum(trials(np.array([1.0] * 4 + [math.nan] * 5))) is None
    assert near_minimum(trials(np.full(9, math.inf))) is None
