from collections.abc import Callable

import numpy as np
import pytest

from lrlab.core.optimizer import SGD, Adam, Momentum
from lrlab.core.schedule import Cosine
from lrlab.core.test_functions import TEST_FUNCTIONS, FunctionName, get_function
from lrlab.data.dataset import Dataset
from lrlab.training.experiment import Experiment
from lrlab.training.methods.test_function import FunctionDescent
from tests.parity import naive
from tests.training.single import single, train_epochs

Make = Callable[..., Experiment]


def walk(wanted: Experiment, dataset: Dataset) -> list[dict[str, float]]:
    return [event.metrics for event in train_epochs(single(wanted, dataset))]


@pytest.mark.parametrize("name", TEST_FUNCTIONS)
@pytest.mark.parametrize("optimizer", [Momentum(lr=0.002, rho=0.8), Adam(lr=0.02)], ids=str)
def test_a_path_is_the_naive_one(dataset: Dataset, experiment: Make, name: FunctionName, optimizer: object) -> None:
    steps, schedule = 30, Cosine(warmup=0.2)
    path = walk(experiment(method=FunctionDescent(name, 20, steps), optimizer=optimizer, schedule=schedule), dataset)
    f = get_function(name, 20)
    w = np.array(f.start)
    update = {
        Momentum: lambda: naive.momentum(0.002, 0.8, False),
        Adam: lambda: naive.adam(0.02, 0.9, 0.999, 1e-8),
    }[type(optimizer)]()
    for t, metrics in enumerate(path):
        w = update(w, f.gradient(w), t + 1, naive.schedule(schedule, t, steps))
        np.testing.assert_allclose([metrics["x"], metrics["y"]], w, rtol=1e-10)
        assert metrics["val/loss"] == metrics["train/loss"] == pytest.approx(f.value(w), rel=1e-9)
    assert len(path) == steps


@pytest.mark.parametrize(("lr", "diverges"), [(1.99, False), (2.01, True)])
def test_gradient_descent_diverges_above_two_over_the_curvature(
    dataset: Dataset, experiment: Make, lr: float, diverges: bool
) -> None:
    condition = 50
    path = walk(experiment(method=FunctionDescent("quadratic", condition, 300), optimizer=SGD(lr / condition)), dataset)
    assert (path[-1]["val/loss"] > path[0]["val/loss"]) == diverges


def test_momentum_leaves_the_local_minimum_in_which_descent_is_caught(dataset: Dataset, experiment: Make) -> None:
    descent, momentum = (
        walk(experiment(method=FunctionDescent("double_well", steps=400), optimizer=optimizer), dataset)[-1]["x"]
        for optimizer in (SGD(lr=0.02), Momentum(lr=0.02, rho=0.9))
    )
    assert descent == pytest.approx(0.96, abs=0.01)
    assert momentum == pytest.approx(-1.036, abs=0.01)


def test_a_path_that_leaves_the_floats_ends(dataset: Dataset, experiment: Make) -> None:
    path = walk(experiment(method=FunctionDescent("beale", steps=100), optimizer=SGD(lr=10)), dataset)
    assert len(path) < 100
    assert not np.isfinite(path[-1]["val/loss"])
