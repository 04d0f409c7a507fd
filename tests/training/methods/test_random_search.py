from collections.abc import Callable

import numpy as np
import pytest

from lrlab.core.model import MLP, Linear, Model
from lrlab.core.random_streams import stream
from lrlab.core.regularizer import L2
from lrlab.data.dataset import Dataset
from lrlab.training.experiment import Experiment
from lrlab.training.methods.random_search import DRAWS_PER_EPOCH, RandomSearch
from tests.parity import naive
from tests.training.single import single, train_epochs

Make = Callable[..., Experiment]


@pytest.mark.parametrize("model", [Linear(init_scale=0.3), MLP([4])], ids=str)
@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_keeps_the_best_of_all_draws(dataset: Dataset, experiment: Make, model: Model, strength: float) -> None:
    """Against one draw after the other; a strong regularizer chooses another one."""
    draws = 2 * DRAWS_PER_EPOCH + 30
    wanted = experiment(
        method=RandomSearch(draws), model=model, regularizer=L2(strength), dtype="float64", seed=5, epochs=1
    )
    cohort = single(wanted, dataset)
    (member,) = cohort.members
    curve = [event.metrics for event in train_epochs(cohort)]

    x, y, rng = dataset.x.astype(np.float64), dataset.y, stream(5, "weights")
    least, best, expected = np.inf, [], []
    for draw in range(1, draws + 1):
        parameters = [array[0] for layer in model.init(rng, x.shape[1], 5) for array in layer]
        train = naive.losses(naive.forward(parameters, x[dataset.train])[-1], y[dataset.train]).mean()
        total = train + strength * sum((W**2).sum() for W in parameters[::2])
        if total < least:
            least, best = total, parameters
            scores = naive.forward(best, x[dataset.validation])[-1]
            metrics = {"train/loss": train, "val/loss": naive.losses(scores, y[dataset.validation]).mean()}
            metrics["val/accuracy"] = (scores.argmax(axis=1) == y[dataset.validation]).mean()
        if draw % DRAWS_PER_EPOCH == 0 or draw == draws:
            expected.append(metrics)
    assert len(curve) == wanted.method.n_epochs(wanted, dataset) == 3
    for metrics, naively in zip(curve, expected, strict=True):
        assert metrics.keys() == naively.keys() | {"train/accuracy"}
        np.testing.assert_allclose([metrics[name] for name in naively], list(naively.values()), rtol=1e-12)
    for array, naively in zip(member.weights().values(), best, strict=True):
        np.testing.assert_array_equal(array, naively)
    scores = naive.forward(best, dataset.x_test.astype(float))[-1]
    assert cohort.test(member)["test/accuracy"] == (scores.argmax(axis=1) == dataset.y_test).mean()


def test_the_seed_decides(experiment: Make, dataset: Dataset) -> None:
    def search(seed: int) -> float:
        *_, last = train_epochs(single(experiment(method=RandomSearch(50), seed=seed), dataset))
        return last.metrics["train/loss"]

    assert search(0) == search(0) != search(1)
