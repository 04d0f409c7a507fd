import re
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lrlab.core.model import MLP
from lrlab.core.regularizer import L1, L2
from lrlab.data.dataset import Dataset
from lrlab.data.digits import Digits
from lrlab.errors import InputError
from lrlab.training.experiment import Experiment
from lrlab.training.methods.newton import Newton, NewtonLearner
from lrlab.training.sequential import SequentialMember
from tests.training.single import single, train_epochs

Make = Callable[..., Experiment]


def fit(wanted: Experiment, dataset: Dataset) -> tuple[list[dict[str, float]], dict[str, np.ndarray]]:
    cohort = single(wanted, dataset)
    (member,) = cohort.members
    return [event.metrics for event in train_epochs(cohort)], member.weights()


@pytest.mark.parametrize("strength", [1e-3, 1e-1])
def test_finds_scikit_learn_s_minimum(dataset: Dataset, experiment: Make, strength: float) -> None:
    curve, weights = fit(experiment(method=Newton(tolerance=1e-10), regularizer=L2(strength)), dataset)
    x, y = dataset.x[dataset.train].astype(float), dataset.y[dataset.train]
    reference = LogisticRegression(C=1 / (2 * strength * len(x)), solver="newton-cg", tol=1e-12, max_iter=1000)
    reference.fit(x, y)
    np.testing.assert_allclose(weights["W1"], reference.coef_, atol=1e-6)
    centred = weights["b1"] - weights["b1"].mean(), reference.intercept_ - reference.intercept_.mean()
    np.testing.assert_allclose(*centred, atol=1e-6)
    assert curve[-1]["gradient_norm"] <= 1e-10
    assert curve[-1]["val/accuracy"] == reference.score(dataset.x[dataset.validation], dataset.y[dataset.validation])


def test_converges_quadratically_on_digits(experiment: Make) -> None:
    dataset = Digits().load()
    curve, _ = fit(experiment(method=Newton(), regularizer=L2(1e-3)), dataset)
    norms = [metrics["gradient_norm"] for metrics in curve]
    assert len(norms) < 15
    assert norms[-1] <= 1e-8 < norms[-2]
    assert norms[-1] < 100 * norms[-2] ** 2
    assert [metrics["lr"] for metrics in curve][-3:] == [1, 1, 1]


def test_the_line_search_tames_the_first_steps(dataset: Dataset, experiment: Make) -> None:
    """From a far start full steps overshoot; the whole loss falls at every step all the same."""
    strength = 1e-4
    wanted = experiment(method=Newton(steps=100), regularizer=L2(strength))
    cohort = single(wanted, dataset)
    (member,) = cohort.members
    assert isinstance(member, SequentialMember)
    assert isinstance(member.learner, NewtonLearner)
    member.learner._w *= 300
    member.learner._p, member.learner._g = member.learner._slope(member.learner._w)
    losses, lengths = [member.learner._loss(member.learner._w)], []
    for event in train_epochs(cohort):
        losses.append(member.learner._loss(member.learner._w))
        lengths.append(event.metrics["lr"])
    assert min(lengths) < 1
    assert np.all(np.diff(losses) <= 1e-14)
    assert event.metrics["gradient_norm"] <= 1e-8


def test_stops_after_so_many_steps(dataset: Dataset, experiment: Make) -> None:
    curve, _ = fit(experiment(method=Newton(steps=2), regularizer=L2(1e-3)), dataset)
    assert len(curve) == 2


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"model": MLP([3])}, "model must be linear for method=newton, got MLP(hidden=(3,))"),
        (
            {"regularizer": L1(0.1)},
            "regularizer must be l2 with a strength > 0 for method=newton, got L1(strength=0.1)",
        ),
        ({"regularizer": L2(0)}, "regularizer must be l2 with a strength > 0 for method=newton, got L2(strength=0)"),
    ],
)
def test_refuses_what_it_cannot_train(experiment: Make, parts: dict, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        experiment(**{"method": Newton(), "regularizer": L2(0.1), **parts})


def test_refuses_what_is_too_large(dataset: Dataset, experiment: Make) -> None:
    experiment(method=Newton(largest=245), regularizer=L2(0.1)).check_fits(dataset)
    with pytest.raises(InputError) as refusal:
        experiment(method=Newton(largest=244), regularizer=L2(0.1)).check_fits(dataset)
    assert str(refusal.value) == (
        "method=newton needs at most method.largest=244 parameters, got 245 for data=blurs: "
        "its Hessian would take 0.00048 GB"
    )
