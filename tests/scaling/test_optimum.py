"""What is found at one batch size, and what is refused."""

import math

import numpy as np
import pytest
from lrlab.scaling.loss_curve_fit import fit
from lrlab.scaling.trial_selection import Points

from lrlab.scaling.optimum import Optimum, best_lrs, bootstrap
from lrlab.scaling.table import read
from tests.scaling.synthetic import BATCH_SIZES, RULES, Noise, edited, table

QUIET = Noise(0.003, level=0.5)
LINEAR = RULES["linear"]


def optima(columns: dict) -> dict[int, Optimum]:
    return {one.batch_size: one for one in best_lrs(read(columns), draws=1000, rng_seed=0)}


def planted(**changes) -> dict:
    return table(np.random.default_rng(5), LINEAR, QUIET, **changes)


def at(columns: dict, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are of this batch size, and all learning rates over the best one there."""
    best = LINEAR[BATCH_SIZES.tolist().index(batch_size)]
    return np.array(columns["batch_size"]) == batch_size, np.array(columns["lr"]) / best


def test_the_best_learning_rates_are_found() -> None:
    for one, best in zip(optima(planted(seeds=5)).values(), LINEAR, strict=True):
        assert not one.problems
        assert one.bracketed
        assert one.seeds == 5
        assert one.log_lr is not None
        assert one.log_lr.value == pytest.approx(math.log(best), abs=0.1)
        assert one.log_lr.degrees_of_freedom == 4


def test_without_noise_the_optimum_is_exact_to_the_resolution() -> None:
    for one, best in zip(optima(table(np.random.default_rng(5), LINEAR, Noise(0.0))).values(), LINEAR, strict=True):
        assert one.log_lr is not None
        assert one.log_lr.value == pytest.approx(math.log(best), abs=1e-5)
        assert one.log_lr.standard_error == pytest.approx(0.01 * math.log(2) / 2)


def test_the_bootstrap_has_the_unbiased_variance_of_the_seeds() -> None:
    """A seed that only shifts its parabola moves the mean by a third of the shift: a standard error of mean shifts."""
    shifts = np.array([-0.1, 0.05, 0.12])
    t = np.linspace(-1.2, 1.2, 9)
    points = Points(np.tile(t, 3), np.concatenate([(t - shift) ** 2 for shift in shifts]), np.repeat(np.arange(3), 9))
    curve = fit(points, 2)
    assert curve is not None
    found = bootstrap(curve, 20_000, np.random.default_rng(0))
    assert found is not None
    assert found.value == pytest.approx(shifts.mean(), abs=1e-4)
    assert found.standard_error == pytest.approx(shifts.std(ddof=1) / math.sqrt(3), rel=0.03)


def test_other_bootstrap_draws_change_the_standard_error_only_and_little() -> None:
    table = read(planted())
    first, again, other = (best_lrs(table, draws=1000, rng_seed=seed) for seed in (0, 0, 1))
    for one, same, another in zip(first, again, other, strict=True):
        assert one.log_lr == same.log_lr != another.log_lr
        assert one.log_lr is not None
        assert another.log_lr is not None
        assert one.log_lr.value == another.log_lr.value
        assert one.log_lr.standard_error == pytest.approx(another.log_lr.standard_error, rel=0.15)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("beyond", [1.0, 1.4, 3.0])
def test_an_optimum_on_or_beyond_the_edge_is_not_bracketed(side: int, beyond: float) -> None:
    columns = planted(rates=17)
    mine, ratio = at(columns, 256)
    found = optima(edited(columns, ~mine | (ratio**side * beyond < 1)))
    assert not found[256].bracketed
    assert found[256].problems
    assert all(not one.problems for batch_size, one in found.items() if batch_size != 256)


def test_diverged_trials_above_are_a_wall_that_brackets() -> None:
    columns = planted(rates=17)
    mine, ratio = at(columns, 256)
    wall = mine & (ratio > 2.2)
    found = optima(edited(columns, ~mine | (ratio < 3.5), loss=np.where(wall, math.inf, columns["loss"])))
    assert found[256].bracketed
    assert found[256].diverged == 0
    assert not found[256].problems


@pytest.mark.parametrize("ratio_of_lost", [0.6, 1.6])
def test_a_trial_that_diverged_around_the_optimum_is_refused(ratio_of_lost: float) -> None:
    columns = planted(rates=17)
    mine, ratio = at(columns, 256)
    lost = np.flatnonzero(mine)[np.abs(np.log(ratio[mine] / ratio_of_lost)).argmin()]
    loss = np.array(columns["loss"])
    loss[lost] = math.nan
    one = optima(edited(columns, np.ones(len(loss), bool), loss=loss))[256]
    assert one.diverged == 1
    assert any("1 trials diverged within a factor 2" in problem for problem in one.problems)


@pytest.mark.parametrize("seeds", [1, 2])
def test_too_few_seeds_are_refused(seeds: int) -> None:
    for one in optima(planted(seeds=seeds)).values():
        assert any(f"{seeds} seeds were tried" in problem for problem in one.problems)
        assert (one.log_lr is None) == (seeds == 1)


def test_a_curve_without_minimum_is_refused() -> None:
    columns = planted()
    found = optima(edited(columns, np.ones(len(columns["lr"]), bool), loss=-np.log(columns["lr"])))
    for one in found.values():
        assert one.curve is None
        assert not one.bracketed
        assert any("no minimum" in problem for problem in one.problems)


def test_a_batch_size_where_everything_diverged_is_refused_alone() -> None:
    columns = planted()
    mine, _ = at(columns, 64)
    found = optima(edited(columns, np.ones(len(mine), bool), loss=np.where(mine, math.nan, columns["loss"])))
    assert found[64].problems
    assert found[64].to_dict()["best_lr"] is None
    assert sum(not one.problems for one in found.values()) == 6


def test_learning_rates_need_not_be_the_same_for_every_seed() -> None:
    rng = np.random.default_rng(2)
    columns = planted(seeds=4, rates=13)
    t = rng.uniform(-2, 2, len(columns["lr"]))
    best = LINEAR[np.searchsorted(BATCH_SIZES, columns["batch_size"])]
    loss = 1.75 * (1 + 0.02 * t**2 + 0.002 * rng.standard_normal(len(t)))
    for one, true in zip(
        optima(edited(columns, np.ones(len(t), bool), lr=best * np.exp(t), loss=loss)).values(), LINEAR, strict=True
    ):
        assert not one.problems
        assert one.log_lr is not None
        assert one.log_lr.value == pytest.approx(math.log(true), abs=0.15)
