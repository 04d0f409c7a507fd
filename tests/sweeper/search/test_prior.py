"""How priors shift the first trials, by distribution."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution, IntDistribution
from scipy import stats

from lrlab.sweeper.search.prior import TRIALS, WIDTH, draw_near
from lrlab.sweeper.search.strategy import SearchStrategy
from tests.multirun import Multirun
from tests.sweeper.search.test_conditions import JOURNAL, square, trials_of

SEARCHED = ["RandomSampler", "TPESampler", "QMCSampler", "CmaEsSampler"]
PRIOR = "x=tag(log, prior:3e-3, interval(1e-5,1))"
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def first_trials(
    search: Callable[..., SearchStrategy], *overrides: str, count: int = TRIALS, seed: int | None = 0, **changes: Any
) -> list[dict[str, Any]]:
    """The values of the first trials of one study, whose objective is best at x = 1."""
    target = f"optuna.samplers.{changes.pop('sampler', 'RandomSampler')}"
    found = search(*overrides, sampler_config={"_target_": target, "seed": seed}, **changes)
    study = optuna.create_study(sampler=found.sampler("s", 0, 0))
    for point in found.planned_trials(count):
        study.enqueue_trial(dict(point))
    for _ in range(count):
        trial = study.ask()
        study.tell(trial, -found.space.suggest(trial)["x"])
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize(
    ("distribution", "prior"),
    [
        (FloatDistribution(1e-5, 1, log=True), 3e-3),
        (FloatDistribution(-2, 10), 4.0),
        (IntDistribution(1, 10**6, log=True), 1000),
        (IntDistribution(0, 600), 300),
    ],
)
def test_draws_are_normal_around_the_prior_on_the_scale_of_the_interval(distribution: Any, prior: float) -> None:
    scale = math.log if distribution.log else float
    width = scale(distribution.high) - scale(distribution.low or 0)
    draws = [scale(draw_near(prior, distribution, np.random.default_rng(i))) for i in range(600)]
    standard = (np.array(draws) - scale(prior)) * 6 / width
    cut = stats.truncnorm(*((scale(end) - scale(prior)) * 6 / width for end in (distribution.low, distribution.high)))
    assert stats.kstest(standard, cut.cdf).pvalue > 0.01
    assert pytest.approx(1 / 6) == WIDTH


@pytest.mark.parametrize(
    ("distribution", "prior"),
    [
        (FloatDistribution(0, 1), 0.0),
        (FloatDistribution(1e-3, 1, log=True), 1.0),
        (FloatDistribution(2, 2), 2.0),
        (IntDistribution(1, 3), 3),
    ],
)
def test_draws_stay_inside_where_the_prior_is_at_an_end(distribution: Any, prior: float) -> None:
    draws = [draw_near(prior, distribution, np.random.default_rng(i)) for i in range(100)]
    assert all(distribution.low <= value <= distribution.high for value in draws)
    assert all(type(value) is (int if isinstance(distribution, IntDistribution) else float) for value in draws)


@pytest.mark.parametrize("sampler", SEARCHED)
def test_every_sampler_begins_at_the_prior_and_near_it(search: Callable[..., SearchStrategy], sampler: str) -> None:
    early: list[float] = []
    for seed in range(8):
        values = [math.log(each["x"]) for each in first_trials(search, PRIOR, seed=seed, sampler=sampler)]
        assert values[0] == pytest.approx(math.log(3e-3))
        early += values[1:]
    width = math.log(1e5)
    assert np.mean(early) == pytest.approx(math.log(3e-3), abs=4 * width / 6 / math.sqrt(len(early)))
    assert np.std(early) == pytest.approx(width / 6, rel=0.35)  # uniform values would have 1.7 times this
    assert len(set(early)) == len(early)


@pytest.mark.parametrize("sampler", ["RandomSampler", "TPESampler"])
def test_afterwards_the_sampler_is_on_its_own(search: Callable[..., SearchStrategy], sampler: str) -> None:
    late = [first_trials(search, PRIOR, seed=seed, sampler=sampler, count=30)[TRIALS:] for seed in range(6)]
    logs = [math.log(each["x"]) for values in late for each in values]
    assert np.mean(np.array(logs) > math.log(0.1)) > (0.1 if sampler == "RandomSampler" else 0.5)


def test_a_seed_gives_the_same_draws_and_without_one_they_differ(search: Callable[..., SearchStrategy]) -> None:
    one = first_trials(search, PRIOR, "y=tag(prior:0.5,interval(0,1))")
    assert one == first_trials(search, PRIOR, "y=tag(prior:0.5,interval(0,1))")
    assert first_trials(search, PRIOR, seed=None)[1:] != first_trials(search, PRIOR, seed=None)[1:]
    assert len({each["y"] for each in one}) == TRIALS


def test_other_keys_are_drawn_as_without_a_prior(search: Callable[..., SearchStrategy]) -> None:
    params = first_trials(search, "x=tag(prior:0.1,interval(0,1))", "y=interval(0,1)", count=10)
    assert max(each["y"] for each in params) > 0.8


def test_what_is_enqueued_comes_before_the_prior(search: Callable[..., SearchStrategy]) -> None:
    values = [each["x"] for each in first_trials(search, PRIOR, enqueued=({"x": 0.5}, {"x": 0.7}))]
    assert values[:3] == [0.5, 0.7, 0.003]


def test_a_search_begins_at_its_prior(multirun: Multirun) -> None:
    multirun(
        square,
        "x=tag(log, prior:0.5, interval(1e-3,4))",
        "hydra.sweeper.n_trials=2",
        JOURNAL,
        x=0,
    )
    assert trials_of()[0].params["x"] == 0.5
