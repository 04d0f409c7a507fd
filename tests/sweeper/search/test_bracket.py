import math
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import FloatDistribution

from lrlab.errors import InputError
from lrlab.sweeper.search import bracket
from lrlab.sweeper.search.bracket import Precision
from lrlab.sweeper.search.conditions import conditional
from lrlab.sweeper.search.grammar import parse_space
from lrlab.sweeper.search.space import Space
from lrlab.sweeper.search.strategy import SearchStrategy
from lrlab.sweeper.study.queue import FAILED, OUTCOME, Queue

RATES = "lr=tag(bracket,choice(1,2,4,8,16,32,64))"


def read(*overrides: str) -> Space:
    return parse_space(OverridesParser.create().parse_overrides(list(overrides)))


PRECISION = Precision(0.07, 400)


def answered(queue: Queue, searched: Space, plan: list[dict], loss, precision: Precision = PRECISION) -> list[dict]:
    """Queue these trials, answer each with its loss (None is one that failed), and ask what more is needed."""
    queue.enqueue_missing(plan) if not queue.counts().total else queue.enqueue(plan)
    while trial := queue.claim():
        params = searched.suggest(trial)
        value = loss(**params)
        queue.fail(trial, "diverged") if value is None else queue.complete(trial, [value])
    return bracket.propose(searched, queue.trials(), ["minimize"], precision)


def searched_to_the_end(queue: Queue, searched: Space, loss, precision: Precision = PRECISION) -> list[dict]:
    plan, added = list(searched.combinations()), []
    while plan := answered(queue, searched, plan, loss, precision):
        added += plan
    return added


def test_values_are_enumerated_and_may_move() -> None:
    (dimension,) = read("lr=tag(bracket,choice(0.2,0.1))").dimensions
    assert dimension.values == (0.1, 0.2)
    assert dimension.distribution == FloatDistribution(0.1 / 1e6, 0.2 * 1e6, log=True)
    assert read("lr=tag(bracket,choice(0.2,0.1))").definitions == {"lr": "tag(bracket, choice(0.1, 0.2))"}


@pytest.mark.parametrize("values", ["1", "a,b", "1,1", "0,1", "1,nan", "true,2"])
def test_what_cannot_be_bracketed_is_refused(values: Any) -> None:
    with pytest.raises(InputError, match=r"^lr: a bracket needs at least two numbers, all different and > 0, got"):
        read(f"lr=tag(bracket,choice({values}))")


@pytest.mark.parametrize(
    ("best", "beyond"),
    [
        (8, []),
        (4, [0.5]),
        (1, [0.5, 0.25, 0.125]),
        (32, [128, 256]),
        (64, [128, 256, 512]),
        (0.01, [2.0**-i for i in range(1, 11)]),
    ],
)
def test_the_range_moves_until_three_values_lie_on_either_side(queue: Queue, best: float, beyond: list[float]) -> None:
    found = searched_to_the_end(queue, read(RATES), lambda lr: math.log2(lr / best) ** 2)
    assert [params["lr"] for params in found] == pytest.approx(beyond, rel=1e-5)  # a parabola is known by then


def test_values_between_are_tried_where_the_curve_is_no_parabola(queue: Queue) -> None:
    found = searched_to_the_end(queue, read(RATES), lambda lr: abs(math.log2(lr / 6)) + 0.5 * math.log2(lr / 6))
    tried = sorted({params["lr"] for params in found})
    assert tried
    assert min(abs(math.log(lr / 6)) for lr in tried) < 0.2
    assert len([lr for lr in tried if 2 < lr < 16]) > len(tried) / 2


def noisy(lr: float, seed: int, **_: Any) -> float:
    tilt, noise = np.random.default_rng([seed, 1]).normal(), np.random.default_rng([seed, round(lr * 1e6)]).normal()
    return math.log2(lr / 8) ** 2 + 1.5 * tilt * math.log2(lr) + 0.1 * noise


def test_further_seeds_are_tried_near_the_best_where_the_seeds_differ(queue: Queue) -> None:
    found = searched_to_the_end(queue, read("seed=0,1,2", RATES), noisy)
    added = {params["seed"] for params in found} - {0, 1, 2}
    assert added == set(range(3, 3 + len(added)))
    assert added
    assert all(0.5 < params["lr"] < 128 for params in found if params["seed"] > 2)


def test_no_more_trials_are_added_than_may_be(queue: Queue) -> None:
    found = searched_to_the_end(queue, read("seed=0,1,2", RATES), noisy, Precision(1e-3, 50))
    assert len(found) == 50


def test_a_seed_that_cannot_be_told_from_a_choice_is_not_added_to(queue: Queue) -> None:
    searched = read("seed=a,b,c", RATES)
    found = searched_to_the_end(queue, searched, lambda lr, seed: noisy(lr, ord(seed)), Precision(0.01, 60))
    assert {params["seed"] for params in found} <= {"a", "b", "c"}


def test_the_bracket_of_a_study_with_fixed_seeds_is_refused(queue: Queue) -> None:
    before = read("seed=0,1", "lr=1,2")
    answered(queue, before, list(before.combinations()), lambda lr, seed: lr)
    with pytest.raises(InputError, match="study old was begun by a version of lrlab that could not add seeds"):
        bracket.check_study(read("seed=0,1", RATES), "old", queue.trials())
    bracket.check_study(read("seed=0,1", "lr=1,2"), "old", queue.trials())


def test_every_setting_has_its_own_range_and_every_seed_its_part(queue: Queue) -> None:
    searched = read("seed=0,1", "batch_size=8,16", RATES)
    best = {8: 8, 16: 32}
    found = searched_to_the_end(queue, searched, lambda lr, seed, batch_size: math.log(lr / best[batch_size]) ** 2)
    assert found == [{"batch_size": 16, "lr": lr, "seed": seed} for seed in (0, 1) for lr in (128.0, 256.0)]


def test_a_value_that_fails_is_worse_than_any(queue: Queue) -> None:
    found = searched_to_the_end(queue, read(RATES), lambda lr: None if lr > 1.5 else -lr)
    assert [params["lr"] for params in found[:3]] == [0.5, 0.25, 0.125]


def test_it_gives_up_at_the_stated_limits(queue: Queue) -> None:
    found = searched_to_the_end(queue, read("lr=tag(bracket,choice(1,1000))"), lambda lr: -lr)
    assert {params["lr"] for params in found} == {1e-3, 1e6}  # the next would be 1000 · 1e6


@pytest.mark.parametrize(
    ("overrides", "options", "directions", "allowed"),
    [
        ([RATES, "b=tag(bracket,choice(1,2))"], {}, ["minimize"], "of one key"),
        ([RATES, "b=interval(0,1)"], {}, ["minimize"], "in an enumeration"),
        ([RATES], {"trials": 5}, ["minimize"], "in an enumeration"),
        ([RATES], {}, ["minimize", "maximize"], "with one objective"),
    ],
)
def test_where_no_bracket_can_be_moved(
    search: Callable[..., SearchStrategy], overrides: list[str], options: Any, directions: Any, allowed: Any
) -> None:
    with pytest.raises(InputError, match=rf"^tag\(bracket, …\) must be {allowed}.*, got lr"):
        bracket.check(search(*overrides, **options), directions)


def test_trials_beyond_the_plan_are_no_part_of_it(queue: Queue) -> None:
    searched = read(RATES)
    plan = list(searched.combinations())
    queue.enqueue_missing(plan)
    added = answered(queue, searched, [], lambda lr: lr)
    queue.enqueue(added)
    queue.enqueue_missing(plan)  # as of the same command again
    assert queue.counts().total == len(plan) + 3
    assert optuna.trial.TrialState.WAITING in {trial.state for trial in queue.trials()}
    assert all(trial.user_attrs.get(OUTCOME) != FAILED for trial in queue.trials())


def test_a_bracket_that_belongs_to_a_choice_moves_where_it_applies(queue: Queue) -> None:
    parse = OverridesParser.create().parse_overrides
    space = read("optimizer=sgd,newton", "lr=tag(bracket,choice(1,2,4))", "seed=0,1")
    searched = conditional(space, {"lr": "optimizer=sgd"}, lambda texts: list(parse(list(texts))))

    def loss(optimizer: str, seed: int, lr: float = 1.0) -> float:
        return math.log(lr / 16) ** 2 + 0.01 * seed + (optimizer == "newton")

    added = searched_to_the_end(queue, searched, loss)
    assert {params["optimizer"] for params in added} == {"sgd"}
    assert {8.0, 16.0, 32.0, 64.0, 128.0} <= {params["lr"] for params in added}
