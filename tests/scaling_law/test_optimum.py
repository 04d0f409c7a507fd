"""What is found at one batch size, on planted truth and on real trainings, and what is refused."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lrlab.scaling_law.loss_curve import LossCurve
from lrlab.scaling_law.optimum import Optimum, assessed, best_lrs, estimate
from lrlab.scaling_law.table import read
from tests.scaling_law import real_tables
from tests.scaling_law.synthetic import BATCH_SIZES, FAMILIES, Columns, Noise, Simulation, edited

PLANTED = Simulation(noise=Noise(0.003), seeds=5, factor=math.sqrt(2), steps=8, common_grid=False)


def optima(columns: Any, draws: int = 400) -> dict[int, Optimum]:
    return {one.batch_size: one for one in best_lrs(read(columns), draws, rng_seed=0)}


def at(columns: Columns, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are of this batch size, and all learning rates over the best one there."""
    best = PLANTED.best[BATCH_SIZES.tolist().index(batch_size)]
    return np.array(columns["batch_size"]) == batch_size, np.array(columns["lr"]) / best


@pytest.mark.parametrize("family", FAMILIES)
def test_the_best_learning_rates_are_found(family: str) -> None:
    simulation = replace(PLANTED, family=family)
    for one, best in zip(optima(simulation.table(5)).values(), simulation.best, strict=True):
        assert one.is_bracketed
        assert one.log_lr is not None
        assert one.log_lr.value == pytest.approx(math.log(best), abs=4 * one.log_lr.standard_error)
        assert one.log_lr.standard_error < 0.5
        assert (one.seeds, one.diverged) == (5, 0)


def test_a_parabola_without_noise_is_found_as_exactly_as_the_grid_of_its_curve() -> None:
    for one, best in zip(optima(replace(PLANTED, noise=Noise(0.0)).table(5)).values(), PLANTED.best, strict=True):
        assert one.log_lr is not None
        assert one.curve is not None
        step = float(one.curve.log_lr[1] - one.curve.log_lr[0])
        assert one.log_lr.value == pytest.approx(math.log(best), abs=step)
        assert one.log_lr.standard_error < 2 * step


def curve(optima: np.ndarray, noise_variance: float, freedom: float = 4.0) -> LossCurve:
    """Parabolas with these optima."""
    grid = np.linspace(-3, 3, 601)
    return LossCurve(grid, (grid - optima[:, None]) ** 2, noise_variance, freedom, grid[::100])


def test_the_estimate_is_the_mean_and_standard_deviation_of_the_drawn_optima() -> None:
    drawn = 0.5 + 0.2 * np.random.default_rng(0).standard_normal(1000)
    found = estimate(curve(drawn, 0.01))
    assert found.value == pytest.approx(drawn.mean(), abs=0.001)
    assert found.standard_error == pytest.approx(drawn.std(), rel=0.01)


def test_degrees_of_freedom_are_those_of_the_seeds_as_far_as_the_variance_is_theirs() -> None:
    drawn = 0.2 * np.random.default_rng(0).standard_normal(1000)
    seeds, half, misfit = (estimate(curve(drawn, share * 0.2**2)).degrees_of_freedom for share in (5, 0.5, 0))
    assert seeds == pytest.approx(4, rel=0.01)
    assert misfit == pytest.approx(100, rel=0.01)
    assert 4 < half < 100


def test_other_draws_change_the_optimum_little() -> None:
    table = read(PLANTED.table(5))
    first, again, other = (best_lrs(table, draws=1000, rng_seed=seed) for seed in (0, 0, 1))
    for one, same, another in zip(first, again, other, strict=True):
        assert one.log_lr == same.log_lr != another.log_lr
        assert one.log_lr is not None
        assert another.log_lr is not None
        assert one.log_lr.value == pytest.approx(another.log_lr.value, abs=0.3 * one.log_lr.standard_error)
        assert one.log_lr.standard_error == pytest.approx(another.log_lr.standard_error, rel=0.3)


@pytest.mark.parametrize("end", [-3.0, 3.0])
def test_a_best_learning_rate_that_lies_at_an_end_with_more_than_5_percent_is_refused(end: float) -> None:
    part = read(PLANTED.table(5)).at(256)
    for share, sound in ((3, True), (10, False)):
        drawn = np.where(np.arange(100) < share, end, 0.3)
        assert assessed(part, curve(drawn, 0.01)).is_bracketed == sound


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("beyond", [1.4, 3.0])
def test_an_optimum_beyond_the_edge_is_not_bracketed(side: int, beyond: float) -> None:
    columns = PLANTED.table(5)
    mine, ratio = at(columns, 256)
    found = optima(edited(columns, ~mine | (ratio**side * beyond < 1)))
    assert not found[256].is_bracketed
    assert f"may lie {'above' if side == 1 else 'below'} " in found[256].problem
    assert found[256].to_dict()["problems"] == [found[256].problem]
    assert all(one.is_bracketed for batch_size, one in found.items() if batch_size != 256)


@pytest.mark.parametrize("diverged", [1, 3])
def test_diverged_trials_above_are_a_wall_that_brackets(diverged: int) -> None:
    columns = PLANTED.table(5)
    mine, ratio = at(columns, 256)
    wall = mine & (ratio > 1.7) & (np.array(columns["seed"]) < diverged)
    found = optima(edited(columns, ~mine | (ratio < 2.9), loss=np.where(wall, math.inf, columns["loss"])))
    assert found[256].is_bracketed
    assert found[256].diverged == wall.sum() - (wall & (ratio >= 2.9)).sum()
    assert found[256].log_lr is not None
    low, high = found[256].log_lr.interval()
    assert low < math.log(PLANTED.best[3]) < high


def test_a_batch_size_where_everything_diverged_is_refused_alone() -> None:
    columns = PLANTED.table(5)
    mine, _ = at(columns, 64)
    found = optima(edited(columns, loss=np.where(mine, math.nan, columns["loss"])))
    lowest = min(np.array(columns["lr"])[mine])
    wanted = f"0 learning rates were tried without a diverged trial, 5 are needed: try some below {lowest:.3g}"
    assert found[64].problem == wanted
    assert found[64].to_dict()["best_lr"] is None
    assert sum(one.is_bracketed for one in found.values()) == 6


def test_four_learning_rates_are_too_few() -> None:
    found = optima(Simulation(steps=2, batch_sizes=(32, 64)).table(0))
    assert all(one.curve for one in found.values())
    columns = Simulation(steps=2, batch_sizes=(32, 64)).table(0)
    found = optima(edited(columns, np.array(columns["lr"]) > min(columns["lr"])))
    assert found[32].problem.startswith("4 learning rates were tried, 5 are needed: try 1 more around 0.0")


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_too_few_learning_rates_say_where_more_are_wanted(count: int) -> None:
    rates = np.array([1e-4, 1e-3, 1e-2, 1e-1])[-count:]
    loss = np.abs(np.log(rates / 1e-2))
    sizes = [32] * count + [64] * count
    part = read({"batch_size": sizes, "lr": [*rates, *rates], "seed": [0] * 2 * count, "loss": [*loss, *loss]}).at(32)
    problem = assessed(part, None).problem
    wanted = "0.1" if count == 1 else "0.01"
    assert problem == f"{count} learning rates were tried, 5 are needed: try {5 - count} more around {wanted}"


@pytest.mark.parametrize(("end", "words"), [(0, "below"), (-1, "above")])
def test_an_end_of_the_curve_is_not_taken_for_the_end_of_what_was_tried(end: int, words: str) -> None:
    drawn = curve(np.full(100, 0.0), 0.01)
    at_end = curve(np.where(np.arange(100) < 50, drawn.log_lr[end], 0.0), 0.01)
    rates = np.exp(drawn.rates)
    for tried, said in (
        (rates, f"the {'lowest' if end == 0 else 'highest'} that was tried: try some {words} it"),
        (np.array([1e-4, *rates, 1e4]), f"though some to {(1e-4, 1e4)[end]:.3g} were tried: try more, or more seeds"),
    ):
        row = {"lr": [*tried, 1.0], "batch_size": [32] * len(tried) + [64], "seed": [0] * (len(tried) + 1)}
        part = read(row | {"loss": [1.0] * (len(tried) + 1)}).at(32)
        assert f"may lie {words} {rates[end]:.3g} (probability 0.50), {said}" in assessed(part, at_end).problem


def test_both_ends_are_named() -> None:
    ends = curve(np.where(np.arange(100) < 50, -3.0, 3.0), 0.01)
    part = read({"lr": [0.01, 0.1, 1.0], "batch_size": [32, 32, 64], "seed": [0] * 3, "loss": [1.0] * 3}).at(32)
    assert "may lie below" in assessed(part, ends).problem
    assert "may lie above" in assessed(part, ends).problem


def test_learning_rates_need_not_be_the_same_for_every_seed() -> None:
    columns = PLANTED.table(2)
    u = np.random.default_rng(2).uniform(-2, 2, len(columns["lr"]))
    best = PLANTED.best[np.searchsorted(BATCH_SIZES, columns["batch_size"])]
    loss = 1.75 * (1 + 0.02 * u**2 + 0.002 * np.random.default_rng(3).standard_normal(len(u)))
    for one, true in zip(optima(edited(columns, lr=best * np.exp(u), loss=loss)).values(), PLANTED.best, strict=True):
        assert one.is_bracketed
        assert one.log_lr is not None
        assert one.log_lr.value == pytest.approx(math.log(true), abs=0.2)


def best_of_all_seeds(columns: dict[str, np.ndarray]) -> dict[int, float]:
    """ln of the best learning rates: least of a local quartic through the means of the 30 seeds about their least."""
    found = {}
    for batch_size in np.unique(columns["batch_size"]):
        mine = columns["batch_size"] == batch_size
        log_lr = np.log(np.unique(columns["lr"][mine]))
        mean = columns["loss"][mine].reshape(len(log_lr), -1).mean(axis=1)
        log_lr, mean = log_lr[np.isfinite(mean)], mean[np.isfinite(mean)]
        least = int(mean.argmin())
        near = slice(max(least - 3, 0), least + 4)
        away = log_lr[near] - log_lr[least]
        grid = np.linspace(max(away[0], -0.5), min(away[-1], 0.5), 2001)
        quartic = np.polynomial.Polynomial.fit(away, mean[near], 4)
        found[int(batch_size)] = log_lr[least] + grid[quartic(grid).argmin()]
    return found


def coverage(name: str, step: int, groups: range, draws: int) -> Iterator[bool]:
    """Whether the optimum of all 30 seeds is in the interval of three, with every `step`-th learning rate."""
    columns = real_tables.load(name)
    best = best_of_all_seeds(columns)
    place = np.concatenate(  # of every learning rate among those of its batch size
        [
            np.unique(columns["lr"][columns["batch_size"] == batch_size], return_inverse=True)[1]
            for batch_size in np.unique(columns["batch_size"])
        ]
    )
    for group in groups:
        kept = (columns["seed"] // 3 == group) & (place % step == group % step)
        for one in optima({name: values[kept] for name, values in columns.items()}, draws).values():
            if one.is_bracketed and one.log_lr:
                low, high = one.log_lr.interval()
                yield low <= best[one.batch_size] <= high


TABLES = sorted(path.stem for path in real_tables.FOLDER.glob("*.npz"))


def test_real_tables_are_there_and_the_grid_is_about_the_best() -> None:
    assert set(TABLES) == set(real_tables.NAMES)
    for name in TABLES:
        columns = real_tables.load(name)
        assert len(np.unique(columns["seed"])) == 30
        for batch_size, best in best_of_all_seeds(columns).items():
            log_lr = np.log(columns["lr"][columns["batch_size"] == batch_size])
            assert log_lr.min() + 0.3 < best < log_lr.max() - 0.3, name


def test_intervals_of_three_seeds_hold_the_optimum_of_thirty_in_short() -> None:
    """Two groups of each real table."""
    hits = [hit for name in TABLES for step in (1, 2) for hit in coverage(name, step, range(step - 1, step), 200)]
    assert len(hits) >= 100
    assert np.mean(hits) >= 0.85


@pytest.mark.bench
@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("name", TABLES)
def test_intervals_of_three_seeds_hold_the_optimum_of_thirty(name: str, step: int) -> None:
    """In 92 % at least; two standard deviations of the binomial distribution are allowed for."""
    hits = list(coverage(name, step, range(10), 1000))
    print(f"\n{name:20} every {step}. learning rate: covered {np.mean(hits):.3f} of {len(hits)}", end="")
    assert np.mean(hits) >= 0.92 - 2 * math.sqrt(0.92 * 0.08 / len(hits))
