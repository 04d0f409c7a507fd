import math

from lrlab.analysis.answers.best_rate import at_best_rate, panels
from tests.analysis.answers.conftest import made

TRUTH = {0.1: 0.5, 0.2: 0.3, 0.4: 0.7}
SWEPT = {"seed": (0, 1), "optimizer.lr": (0.1, 0.2, 0.4)}


def test_the_rate_with_the_least_mean() -> None:
    found = at_best_rate(made(SWEPT, lambda v: TRUTH[v["optimizer.lr"]] + 0.01 * v["seed"]).runs)
    assert found is not None
    assert (found.lr, found.losses, found.tried, found.is_at_end) == (0.2, {0: 0.3, 1: 0.31}, 3, False)


def test_a_rate_of_which_a_seed_diverged_is_not_best() -> None:
    runs = made(
        SWEPT, lambda v: math.inf if (v["optimizer.lr"], v["seed"]) == (0.2, 1) else TRUTH[v["optimizer.lr"]]
    ).runs
    found = at_best_rate(runs)
    assert found is not None
    assert (found.lr, found.is_at_end) == (0.1, True)
    assert at_best_rate(made(SWEPT, lambda _: math.inf).runs) is None


def test_a_rate_with_fewer_seeds_than_planned_is_not_best() -> None:
    points = [{"seed": seed, "optimizer.lr": lr} for lr in (0.1, 0.2, 0.4) for seed in (0, 1)]
    lucky = {"seed": 0, "optimizer.lr": 0.8}
    swept = SWEPT | {"optimizer.lr": (0.1, 0.2, 0.4, 0.8)}
    found = at_best_rate(made(swept, lambda v: TRUTH.get(v["optimizer.lr"], 0.0), points=[*points, lucky]).runs)
    assert found is not None
    assert found.lr == 0.2


def test_without_a_learning_rate_there_is_one_group() -> None:
    found = at_best_rate(made({"seed": (0, 1)}, lambda v: 0.5 + v["seed"]).runs)
    assert found is not None
    assert (found.lr, found.mean, found.is_at_end) == (None, 1.0, False)


def test_panels_are_what_else_was_chosen() -> None:
    swept = {"batch_size": (16, 32), "optimizer": ("sgd", "adam"), "w": (0, 1)}
    found = panels(made(swept, lambda _: 1.0).runs, "w")
    assert list(found)[:2] == ["batch size 16, optimizer=sgd", "batch size 16, optimizer=adam"]
    assert [len(each) for each in found.values()] == [2] * 4
