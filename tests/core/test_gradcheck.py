from dataclasses import dataclass
from itertools import product

import numpy as np
import pytest

from lrlab.core.gradcheck import TOLERANCE, check_all, check_gradient
from lrlab.core.loss import Loss, SoftmaxCrossEntropy
from lrlab.core.model import MLP, Linear, Model
from lrlab.core.regularizer import L1, L2, ElasticNet, NoRegularizer, Regularizer
from tests import mixed_experiments

Array = np.ndarray


@pytest.mark.parametrize("regularizer", [NoRegularizer(), L1(0.3), L2(0.3), ElasticNet(0.3, 0.6)], ids=str)
@pytest.mark.parametrize("loss", mixed_experiments.LOSSES, ids=str)
@pytest.mark.parametrize("model", mixed_experiments.MODELS, ids=str)
def test_every_pair(model: Model, loss: Loss, regularizer: Regularizer) -> None:
    for seed in range(3):
        check = check_gradient(model, loss, regularizer, samples=5, inputs=4, classes=3, seed=seed)
        assert check.relative_error < 1e-6


def test_the_check_of_all_covers_every_pair() -> None:
    rows = check_all()
    assert TOLERANCE == 1e-6
    assert all(row["passed"] for row in rows)
    pairs = product(
        *(
            {type(part).__name__ for part in c}
            for c in (mixed_experiments.MODELS, mixed_experiments.LOSSES, mixed_experiments.REGULARIZERS)
        )
    )
    checked = {tuple(str(row[part]).partition("(")[0] for part in ("model", "loss", "regularizer")) for row in rows}
    assert checked == set(pairs)


def test_counts_the_parameters_and_takes_the_time() -> None:
    check = check_gradient(MLP([5]), SoftmaxCrossEntropy(), L2(), inputs=6, classes=4)
    assert check.parameters == 6 * 5 + 5 + 5 * 4 + 4
    assert check.analytic_seconds > 0
    assert check.numeric_seconds > 0


@dataclass(frozen=True)
class Broken(SoftmaxCrossEntropy):
    """A loss whose gradient is off by a factor, or in one class."""

    factor: float = 1.0
    shift: float = 0.0

    def value_and_grad(self, scores: Array, y: Array, samples: Array) -> tuple[Array, Array]:
        result = super().value_and_grad(scores, y, samples)
        scores *= self.factor
        scores[:, 0] += self.shift
        return result


@dataclass(frozen=True)
class HalfL2(L2):
    """The gradient of another convention than its value."""

    def add_gradient(self, W: Array, gradient: Array, scratch: Array) -> None:
        gradient += self.strength * W


@pytest.mark.parametrize("model", [Linear(), MLP([5])], ids=str)
@pytest.mark.parametrize(
    ("loss", "regularizer"),
    [
        (Broken(factor=1.001), NoRegularizer()),
        (Broken(factor=-1), NoRegularizer()),
        (Broken(shift=1e-4), NoRegularizer()),
        (SoftmaxCrossEntropy(), HalfL2(0.01)),
    ],
    ids=str,
)
def test_a_wrong_gradient_is_caught(model: Model, loss: Loss, regularizer: Regularizer) -> None:
    assert check_gradient(model, loss, regularizer).relative_error > 1e-4
    assert check_gradient(model, Broken(), regularizer=NoRegularizer()).relative_error < 1e-6
