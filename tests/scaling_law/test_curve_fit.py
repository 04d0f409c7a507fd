"""Curves drawn from what the trials leave open."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lrlab.scaling_law.curve_fit import fit
from lrlab.scaling_law.loss_curve import LossCurve
from lrlab.scaling_law.table import read
from tests.scaling_law.synthetic import FAMILIES, Columns, Noise, Simulation, edited

PLANTED = Simulation(noise=Noise(0.003), seeds=4, factor=math.sqrt(2), steps=6)


def curves(columns: Columns, draws: int = 400) -> list[LossCurve | None]:
    table = read(columns)
    parts = [table.at(batch_size) for batch_size in np.unique(table.batch_size)]
    return fit(parts, draws, np.random.default_rng(0))


def fitted(columns: Columns, draws: int = 400) -> list[LossCurve]:
    found = [curve for curve in curves(columns, draws) if curve]
    assert len(found) == len(set(columns["batch_size"]))
    return found


def deviations(columns: Columns) -> np.ndarray:
    return np.array([curve.optima.std() for curve in fitted(columns)])


def centres(columns: Columns) -> np.ndarray:
    return np.array([curve.centre for curve in fitted(columns)])


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("change", [lambda y: y + 8, lambda y: 1000 * y, lambda y: 1e-3 * y - 5])
def test_what_is_added_to_the_losses_or_multiplies_them_moves_no_optimum(seeds: int, change: Callable) -> None:
    columns = replace(PLANTED, seeds=seeds).table(0)
    changed = edited(columns, loss=change(np.array(columns["loss"])))
    np.testing.assert_allclose(centres(changed), centres(columns), atol=0.01)  # other draws, where it rounds otherwise
    np.testing.assert_allclose(deviations(changed), deviations(columns), rtol=0.05)


def test_the_unit_of_the_learning_rate_is_of_no_matter() -> None:
    columns = PLANTED.table(0)
    changed = edited(columns, lr=1000 * np.array(columns["lr"]))
    np.testing.assert_allclose(centres(changed), centres(columns) + math.log(1000), atol=0.01)


@pytest.mark.parametrize(("family", "factor"), [("parabola", 0.6), ("morse", 0.95)])  # the misfit stays
def test_more_seeds_shrink_the_spread_of_the_optima(family: str, factor: float) -> None:
    simulation = replace(PLANTED, family=family)
    few, many = (np.median(deviations(replace(simulation, seeds=seeds).table(1))) for seeds in (3, 30))
    assert many < factor * few


def test_less_noise_shrinks_the_spread_of_the_optima() -> None:
    loud, quiet = (np.median(deviations(replace(PLANTED, noise=Noise(size)).table(1))) for size in (0.005, 0.001))
    assert quiet < 0.5 * loud


def test_a_coarser_grid_leaves_more_open_where_the_curve_is_no_parabola() -> None:
    simulation = replace(PLANTED, family="morse", noise=Noise(1e-4), seeds=10, steps=4)
    fine, coarse = (np.median(deviations(replace(simulation, factor=factor).table(1))) for factor in (1.5, 3.0))
    assert coarse > 3 * fine


@pytest.mark.parametrize("family", FAMILIES)
def test_the_drawn_curves_hold_the_true_one(family: str) -> None:
    """At the learning rates within a factor 2 of the best, the excess over the least."""
    simulation = replace(PLANTED, family=family, seeds=10, noise=Noise(0.002, level=0.0, tilt=0.3))
    inside = []
    for curve, best in zip(fitted(simulation.table(0)), np.log(simulation.best), strict=True):
        for u in np.linspace(-0.7, 0.7, 8):
            true = 1.75 * float(FAMILIES[family](np.array([u]), 1.0)[0])
            drawn = curve.excess_losses(np.full(len(curve.losses), best + u))
            inside.append(drawn.min() - 0.001 <= true <= drawn.max() + 0.001)
    assert np.mean(inside) > 0.8


def test_a_diverged_learning_rate_closes_the_curve() -> None:
    columns = replace(PLANTED, batch_sizes=(32, 64, 128)).table(0)
    ratio = np.array(columns["lr"]) / (0.01 * np.array(columns["batch_size"]) / 32)
    for curve, batch_size in zip(fitted(edited(columns, ratio < 1.6)), (32, 64, 128), strict=True):
        assert curve.rates[-1] < math.log(1.6 * 0.01 * batch_size / 32)
    diverged = (ratio > 1.6) & (np.array(columns["seed"]) == 0)  # one seed is enough
    closed = edited(columns, ratio < 4, loss=np.where(diverged, math.inf, columns["loss"]))
    for open_end, curve in zip(fitted(edited(columns, ratio < 1.6)), fitted(closed), strict=True):
        first = ratio[diverged].min()
        assert len(curve.rates) == len(open_end.rates) + 1
        assert curve.rates[-1] > open_end.rates[-1]
        assert curve.rates[-1] < curve.centre + math.log(first) + 0.7
        assert curve.probability_at(-1) < 0.05
        assert curve.loss(curve.rates)[-1] > curve.loss(curve.rates)[-2]


def test_a_diverged_learning_rate_below_the_best_is_left_out() -> None:
    columns = replace(PLANTED, batch_sizes=(32, 64)).table(0)
    low = np.isclose(columns["lr"], sorted(set(columns["lr"]))[2])
    with_it = fitted(edited(columns, loss=np.where(low, math.nan, columns["loss"])))
    without = fitted(edited(columns, ~low))
    for one, other in zip(with_it, without, strict=True):
        np.testing.assert_allclose(one.rates, other.rates)
        assert one.centre == pytest.approx(other.centre, abs=0.01)


def test_five_learning_rates_are_needed() -> None:
    columns = replace(PLANTED, batch_sizes=(32, 64)).table(0)
    rates = np.unique(np.array(columns["lr"])[np.array(columns["batch_size"]) == 32])
    for count, has_curve in ((5, True), (4, False)):
        kept = (np.array(columns["batch_size"]) == 64) | (np.array(columns["lr"]) < rates[count] * 0.99)
        first, second = curves(edited(columns, kept))
        assert (first is not None) == has_curve
        assert second is not None
    nothing = edited(columns, loss=np.full(len(rates) * 8, math.nan))
    assert curves(nothing) == [None, None]


def test_what_lies_far_from_the_best_is_not_fitted() -> None:
    columns = replace(PLANTED, steps=16, batch_sizes=(32, 64)).table(0)
    far = np.abs(np.log(np.array(columns["lr"]) / (0.01 * np.array(columns["batch_size"]) / 32))) > 4
    assert far.any()
    spoiled = edited(columns, loss=np.where(far, 50.0, columns["loss"]))
    np.testing.assert_allclose(centres(spoiled), centres(columns), atol=0.01)


def test_the_number_of_drawn_curves_is_about_what_was_asked_for() -> None:
    for draws in (100, 1000):
        for curve in fitted(PLANTED.table(0), draws):
            assert curve.losses.shape[0] == pytest.approx(draws, rel=0.1)
            assert curve.losses.shape[1] == len(curve.log_lr)


def test_one_seed_of_a_loud_setting_makes_a_quiet_one_no_louder() -> None:
    """The noise of one seed is that of its own setting, whatever the units of the losses."""
    quiet, loud = (replace(PLANTED, seeds=1, noise=Noise(size)).table(0) for size in (0.001, 0.02))
    tables = [
        read(edited(columns, loss=scale * np.array(columns["loss"])))
        for columns, scale in ((quiet, 1.0), (loud, 1000.0))
    ]
    parts = [(place, table.at(size)) for place, table in enumerate(tables) for size in np.unique(table.batch_size)]
    found = fit([part for _, part in parts], 400, np.random.default_rng(0), [place for place, _ in parts])
    spread = np.array([curve.optima.std() for curve in found if curve]).reshape(2, -1).mean(axis=1)
    alone = deviations(quiet).mean()
    assert spread[0] < 1.5 * alone
    assert spread[1] > 2 * spread[0]


def test_a_setting_without_a_curve_leaves_the_others_theirs() -> None:
    columns = replace(PLANTED, seeds=1).table(0)
    table = read(columns)
    few = table.rows(np.arange(len(table.lr)) < 3)
    parts = [few, *(table.at(size) for size in np.unique(table.batch_size))]
    found = fit(parts, 200, np.random.default_rng(0), [0] + [1] * (len(parts) - 1))
    assert found[0] is None
    assert None not in found[1:]


def test_seeds_that_are_tilted_shift_the_optimum_by_their_tilt() -> None:
    x, tilts = np.linspace(-2, 2, 9), np.array([-0.2, 0.0, 0.2])
    loss = 1 + x**2 + np.outer(tilts, x)
    lr, seed = np.broadcast_to(np.exp(x), loss.shape), np.broadcast_to(np.arange(3)[:, None], loss.shape)
    columns = {"batch_size": [8] * 27 + [9], "lr": [*lr.flat, 1.0], "seed": [*seed.flat, 0], "loss": [*loss.flat, 1.0]}
    curve, _ = fit([(table := read(columns)).at(8), table.at(9)], 200, np.random.default_rng(0))
    assert curve is not None
    assert list(curve.seed_shifts) == ["0", "1", "2"]
    # The least of 1 + x² + tilt x is at -tilt/2; a third of it is a seed's part in the mean.
    np.testing.assert_allclose(list(curve.seed_shifts.values()), -tilts / 6, atol=0.01)
