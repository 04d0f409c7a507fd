from typing import Any

import optuna
import pytest

from lrlab.analysis.report.figures import search

LR = optuna.distributions.FloatDistribution(1e-3, 1.0, log=True)
SIZE = optuna.distributions.CategoricalDistribution((16, 32))


def study(values: list[float], direction: Any = "minimize", swept: bool = True) -> optuna.Study:
    created = optuna.create_study(direction=direction)
    for i, value in enumerate(values):
        params = {"lr": 10.0 ** (-(i % 3) if swept else -1), "batch": 16 if i % 2 else 32} if swept else {"lr": 0.1}
        space = {"lr": LR, "batch": SIZE} if swept else {"lr": LR}
        created.add_trial(optuna.trial.create_trial(params=params, distributions=dict(space), value=value))
    return created


def grid(points: list[dict[str, Any]], values: list[float]) -> optuna.Study:
    created = optuna.create_study()
    for params, value in zip(points, values, strict=True):
        space = {
            name: optuna.distributions.CategoricalDistribution(sorted({p[name] for p in points})) for name in params
        }
        created.add_trial(optuna.trial.create_trial(params=params, distributions=dict(space), value=value))
    return created


def test_what_can_be_drawn() -> None:
    assert search.can_be_drawn(study([3.0, 2.0, 1.0, 4.0]))
    assert not search.can_be_drawn(study([3.0, 2.0, 1.0]))
    assert not search.can_be_drawn(study([3.0, 2.0, 1.0, 4.0], swept=False))
    assert not search.can_be_drawn(optuna.create_study(directions=["minimize", "maximize"]))


@pytest.mark.parametrize(
    ("direction", "best"), [("minimize", [3.0, 2.0, 2.0, 1.0, 1.0]), ("maximize", [3.0, 3.0, 4.0, 4.0, 4.0])]
)
def test_the_best_so_far_follows_the_direction(direction: str, best: list[float]) -> None:
    values = [3.0, 2.0, 4.0, 1.0, 2.5]
    (panel,) = search.history(study(values, direction), "val/loss").panels
    assert [row["value"] for row in panel["datasets"]["rows"]] == values
    assert [row["best"] for row in panel["datasets"]["rows"]] == best
    assert panel["layer"][1]["encoding"]["y"]["title"] == "val/loss"


@pytest.mark.parametrize(("direction", "best"), [("minimize", 3), ("maximize", 2)])
def test_every_key_has_a_panel_with_every_trial_and_the_best_marked(direction: str, best: int) -> None:
    figure = search.objective_by_key(study([3.0, 2.0, 4.0, 1.0, 2.5], direction), "val/loss")
    assert figure
    assert [panel["layer"][0]["encoding"]["x"]["title"] for panel in figure.panels] == ["batch", "lr"]
    for panel in figure.panels:
        rows = panel["datasets"]["rows"]
        assert len(rows) == 5
        assert [row["trial"] for row in rows if row["best"]] == [best]
    assert figure.panels[1]["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"


def test_a_long_search_is_thinned_out_but_shows_its_best() -> None:
    values = [2.0] * 2001
    values[1234] = 1.0
    figure = search.objective_by_key(study(values), "loss")
    assert figure
    assert "One in 3 trials" in figure.caption
    rows = figure.panels[0]["datasets"]["rows"]
    assert len(rows) <= search.MAX_POINTS + 1
    assert [row["trial"] for row in rows if row["best"]] == [1234]


def test_importance_names_what_mattered_most() -> None:
    figure = search.importance({"lr": 0.7, "batch": 0.3}, "val/loss")
    assert figure
    assert figure.title == "lr mattered most (70%)"
    assert search.importance({}, "val/loss") is None


def test_a_small_grid_is_compared_along_its_longest_key() -> None:
    points = [{"depth": depth, "kind": kind} for depth in (2, 4, 8) for kind in ("a", "b")]
    figure = search.comparison(grid(points, [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]), "error")
    assert figure
    rows = figure.panels[0]["datasets"]["rows"]
    assert [(row["series"], row["x"], row["mean"]) for row in rows[:3]] == [("a", 2, 6.0), ("b", 2, 5.0), ("a", 4, 4.0)]
    assert figure.title == "error against depth, by kind"


def test_what_is_no_small_grid_is_not_compared() -> None:
    assert search.comparison(study([3.0, 2.0, 4.0, 1.0]), "loss") is None  # an interval
    many = [{"depth": depth, "kind": str(kind)} for depth in (2, 4, 8) for kind in range(search.MAX_LINES + 1)]
    assert search.comparison(grid(many, [1.0] * len(many)), "loss") is None
    words = [{"kind": kind} for kind in "abcd"]
    assert search.comparison(grid(words, [1.0, 2.0, 3.0, 4.0]), "loss") is None  # no numbers
