from dataclasses import replace

import numpy as np
import pytest

from lrlab.analysis.answers import neighbours
from lrlab.analysis.answers.answer import Answer
from lrlab.config.command_line import HERE
from tests.analysis.answers.conftest import made

ACCURACIES = {("l1", 1): 0.98, ("l1", 5): 0.975, ("l1", 100): 0.80, ("l2", 1): 0.97, ("l2", 5): 0.90, ("l2", 100): 0.7}


def planted(count: int) -> Answer:
    found = made(
        {"model.metric": ("l1", "l2"), "model.k": (1, 5, 100)},
        lambda v: ACCURACIES[v["model.metric"], v["model.k"]],
        direction="maximize",
        metrics=lambda v: {"val/accuracy": [(1, ACCURACIES[v["model.metric"], v["model.k"]])]},
    )
    runs = replace(found.runs, runs=tuple(replace(run, validation=count) for run in found.runs))
    answer = neighbours.answer(found.study, runs, HERE)
    assert answer is not None
    return answer


def test_what_cannot_be_told_from_the_best_is_counted() -> None:
    answer = planted(400)
    assert answer.sentence.startswith("model.metric=l1, model.k=1 votes best: 0.9800 [0.961, 0.99] of 400")
    assert answer.sentence.endswith("but 2 of the other 5 cannot be told from it")
    assert answer.values["tied"] == [{"model.metric": "l1", "model.k": 5}, {"model.metric": "l2", "model.k": 1}]
    assert "model.k=100 is clearly worse" in answer.details
    assert "cannot tell between model.k=1 and 5" in answer.details
    assert answer.plot is not None
    assert answer.plot.series["model.metric=l1"] == [(1, 0.98), (5, 0.975), (100, 0.80)]


def test_many_samples_tell_more() -> None:
    assert "cannot be told" not in planted(100_000).sentence


def test_a_record_without_the_size_of_the_validation_set() -> None:
    answer = planted(0)
    assert answer.sentence.endswith("0.9800 of the validation samples")
    assert "cannot be told" in answer.details[0]


def test_other_models_have_no_neighbours() -> None:
    found = made({"optimizer.lr": (0.1, 0.2)}, lambda _: 0.5)
    assert neighbours.answer(found.study, found.runs, HERE) is None


@pytest.mark.parametrize("accuracy", [0.0, 1.0])
def test_an_interval_never_leaves_what_is_possible(accuracy: float) -> None:
    low, high = neighbours.wilson(accuracy, 20)
    assert -1e-12 <= low < high <= 1 + 1e-12
    assert high - low > 0.1  # Wald's would be 0


@pytest.mark.bench
@pytest.mark.parametrize(("truth", "count"), [(0.5, 100), (0.9, 360), (0.98, 360)])
def test_the_interval_holds_the_truth_in_19_of_20_samples(truth: float, count: int) -> None:
    found = np.random.default_rng(0).binomial(count, truth, 4000) / count
    held = np.mean([low <= truth <= high for low, high in (neighbours.wilson(each, count) for each in found)])
    assert held == pytest.approx(0.95, abs=0.025)
