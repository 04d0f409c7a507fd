from collections.abc import Callable

import numpy as np
import pytest

from lrlab.core.loss import SoftmaxCrossEntropy
from lrlab.core.model import MLP, Layer, Linear
from lrlab.data.dataset import Dataset
from lrlab.training.evaluation import evaluate_rows, log_spaced_counts, split_metrics
from lrlab.training.experiment import Experiment
from lrlab.training.population import StackedPopulation


def stacked(dataset: Dataset, members: int) -> list[Layer]:
    rng = np.random.default_rng(0)
    drawn = [MLP([7]).init(rng, dataset.x.shape[1], len(dataset.classes)) for _ in range(members)]
    return [
        Layer(*(np.concatenate(arrays) for arrays in zip(*layers, strict=True))) for layers in zip(*drawn, strict=True)
    ]


@pytest.mark.parametrize("count", [1, 511, 512, 513])
def test_means_over_any_number_of_rows(dataset: Dataset, count: int) -> None:
    layers = stacked(dataset, 3)
    rows = np.random.default_rng(count).permutation(len(dataset.x))[:count]
    losses, accuracies = evaluate_rows(layers, SoftmaxCrossEntropy(), dataset.x, dataset.y, rows)
    for k in range(3):
        hidden = np.maximum(dataset.x[rows] @ layers[0].W[k].T + layers[0].b[k], 0)
        scores = hidden @ layers[1].W[k].T + layers[1].b[k]
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        assert losses[k] == pytest.approx(-log_p[np.arange(count), dataset.y[rows]].mean(), rel=1e-6)
        assert accuracies[k] == np.mean(scores.argmax(axis=1) == dataset.y[rows])


@pytest.mark.parametrize(
    ("total", "counts"),
    [
        (1, [0, 1]),
        (2, [0, 1, 2]),
        (5, [0, 1, 2, 3, 4, 5]),
        (16, [0, 1, 2, 3, 4, 6, 8, 11, 16]),
        (100, [0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 91, 100]),
    ],
)
def test_counts_of_updates_are_log_spaced_up_to_the_last(total: int, counts: list[int]) -> None:
    assert sorted(log_spaced_counts(total)) == counts


def test_a_population_measures_what_its_weights_do(dataset: Dataset, experiment: Callable[..., Experiment]) -> None:
    population = StackedPopulation(dataset, Linear(), experiment().loss, width=2, microbatch=8, dtype="float64")
    member = population.admit(experiment(dtype="float64"))
    (result,) = population.train_epoch()
    weights = member.weights()
    layers = [Layer(weights["W1"][None], weights["b1"][None])]
    measured = split_metrics("val", layers, experiment().loss, dataset)
    assert measured == pytest.approx({name: result.metrics[name] for name in measured}, rel=1e-12)
    assert split_metrics("test", layers, experiment().loss, dataset) == pytest.approx(population.test(member))
