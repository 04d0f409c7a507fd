"""Floats with a step are sampled as an enumeration of the same range would list them."""

from collections.abc import Callable

import optuna
import pytest

from lrlab.sweeper.search.strategy import SearchStrategy

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.mark.parametrize("sampler", ["RandomSampler", "TPESampler", "QMCSampler"])
@pytest.mark.parametrize(
    "override", ["x=range(0,1,0.1)", "x=range(1,0,-0.1)", "x=range(-0.3,1,0.1)", "x=range(1e-9,8e-9,1e-9)"]
)
def test_what_is_sampled_is_what_would_be_enumerated(
    search: Callable[..., SearchStrategy], sampler: str, override: str
) -> None:
    found = search(override, trials=60, sampler=sampler)
    study = optuna.create_study(sampler=found.sampler("s", 0, 0))
    for _ in range(60):
        trial = study.ask()
        params = found.space.suggest(trial)
        study.tell(trial, params["x"])
    drawn = {trial.params["x"] for trial in study.trials}
    (dimension,) = found.space.dimensions
    assert len(drawn) > 4
    assert drawn <= set(dimension.values)


def test_other_values_stay_what_they_are(search: Callable[..., SearchStrategy]) -> None:
    found = search("x=interval(0,1)", trials=9).sampler("s", 0, 0)
    study, plain = (optuna.create_study(sampler=one) for one in (found, optuna.samplers.RandomSampler(seed=0)))
    assert [study.ask().suggest_float("x", 0, 1) for _ in range(9)] == [
        plain.ask().suggest_float("x", 0, 1) for _ in range(9)
    ]
    assert study.ask().suggest_categorical("c", ["a"]) == "a"
    assert study.ask().suggest_float("y", 0.2, 0.4, step=0.1) in (0.2, 0.3, 0.4)
