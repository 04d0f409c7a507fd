import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lrlab.core.optimizer import SGD, Momentum, Optimizer
from lrlab.core.regularizer import L1, L2, ElasticNet, L1Proximal, NoRegularizer, Regularizer
from lrlab.data.dataset import Dataset
from tests import mixed_experiments

# Off zero, where |w| has its kink.
weights = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 3), st.integers(1, 4)),
    elements=st.floats(0.01, 100) | st.floats(-100, -0.01),
)


def gradient(regularizer: Regularizer, W: np.ndarray) -> np.ndarray:
    result = np.zeros_like(W)
    regularizer.add_gradient(W, result, np.full_like(W, np.nan))
    return result


def test_two_weights_of_the_same_score() -> None:
    """Lecture 3.4: L2 prefers the spread weights, L1 has no preference between these two."""
    one, spread = np.array([1.0, 0, 0, 0]), np.array([0.25, 0.25, 0.25, 0.25])
    assert [L2(strength=1).value(w) for w in (one, spread)] == [1, 0.25]
    assert [L1(strength=1).value(w) for w in (one, spread)] == [1, 1]
    assert [L1Proximal(strength=1).value(w) for w in (one, spread)] == [1, 1]
    assert [NoRegularizer().value(w) for w in (one, spread)] == [0, 0]
    assert [ElasticNet(strength=2, l1_ratio=0.25).value(w) for w in (one, spread)] == [2, 0.875]


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [
        (NoRegularizer(), [0, 0, 0, 0]),
        (L2(strength=0.5), [3, -2, 0, 0.5]),
        (L1(strength=0.5), [0.5, -0.5, 0, 0.5]),
        (ElasticNet(strength=0.5, l1_ratio=0.25), [2.375, -1.625, 0, 0.5]),
    ],
)
def test_gradient(regularizer: Regularizer, expected: list[float]) -> None:
    np.testing.assert_allclose(gradient(regularizer, np.array([3, -2, 0, 0.5])), expected, rtol=1e-15)


@pytest.mark.parametrize("regularizer", mixed_experiments.REGULARIZERS, ids=str)
@given(W=weights)
def test_gradient_is_the_slope_of_the_value(regularizer: Regularizer, W: np.ndarray) -> None:
    slopes, h = np.empty_like(W), 1e-4
    for i in np.ndindex(W.shape):
        step = np.zeros_like(W)
        step[i] = h
        slopes[i] = (regularizer.value(W + step) - regularizer.value(W - step)) / (2 * h)
    np.testing.assert_allclose(gradient(regularizer, W), slopes, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("regularizer", mixed_experiments.REGULARIZERS, ids=str)
@given(W=weights)
def test_gradient_is_added_and_the_weights_stay(regularizer: Regularizer, W: np.ndarray) -> None:
    before, total = W.copy(), np.full_like(W, 7)
    regularizer.add_gradient(W, total, np.empty_like(W))
    np.testing.assert_array_equal(W, before)
    np.testing.assert_allclose(total, 7 + gradient(regularizer, W), rtol=1e-15)


@pytest.mark.parametrize("kind", [L1, L2, ElasticNet])
@given(W=weights, strength=st.floats(0, 10))
@example(W=np.ones(3), strength=5e-324)
def test_strength_weighs_value_and_gradient(kind: type, W: np.ndarray, strength: float) -> None:
    unit, weighed = kind(strength=1), kind(strength=strength)
    assert weighed.value(W) == pytest.approx(strength * unit.value(W), rel=1e-12)
    # a denormal product is off by the smallest denormal, which is no small part of it
    np.testing.assert_allclose(gradient(weighed, W), strength * gradient(unit, W), rtol=1e-12, atol=1e-300)


@given(W=weights, ratio=st.floats(0, 1))
def test_elastic_net_lies_between_l1_and_l2(W: np.ndarray, ratio: float) -> None:
    net, l1, l2 = ElasticNet(strength=1, l1_ratio=ratio), L1(strength=1), L2(strength=1)
    assert net.value(W) == pytest.approx(ratio * l1.value(W) + (1 - ratio) * l2.value(W), rel=1e-12)
    mixed = ratio * gradient(l1, W) + (1 - ratio) * gradient(l2, W)
    np.testing.assert_allclose(gradient(net, W), mixed, rtol=1e-10, atol=1e-12)


@given(W=weights, lr=st.floats(1e-3, 10), strength=st.floats(0, 10))
def test_shrinking_solves_the_proximal_problem(W: np.ndarray, lr: float, strength: float) -> None:
    """argmin over w of (w - W)^2 / 2 + lr strength |w|, by its three candidates: on either side of 0, and 0."""
    threshold, shrunk = lr * strength, W.copy()
    L1Proximal(strength).prox(shrunk, lr, np.full_like(W, np.nan))
    candidates = np.stack([np.maximum(W - threshold, 0), np.minimum(W + threshold, 0)])
    values = (candidates - W) ** 2 / 2 + threshold * np.abs(candidates)
    best = np.take_along_axis(candidates, values.argmin(axis=0)[None], axis=0)[0]
    np.testing.assert_allclose(shrunk, best, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(shrunk == 0, np.abs(W) <= threshold)


@pytest.mark.parametrize("regularizer", mixed_experiments.REGULARIZERS, ids=str)
def test_what_has_a_gradient_does_not_shrink(regularizer: Regularizer) -> None:
    W = np.array([3, -2, 0, 0.5])
    regularizer.prox(W, 10, np.empty(4))
    np.testing.assert_array_equal(W, [3, -2, 0, 0.5])


def descend(dataset: Dataset, optimizer: Optimizer, regularizer: Regularizer) -> tuple[np.ndarray, np.ndarray]:
    """Softmax regression without biases by full-batch steps: the weights, and the slope of the data loss there."""
    x, y = dataset.x[dataset.train].astype(float), dataset.y[dataset.train]
    W = np.zeros((len(dataset.classes), x.shape[1]))
    state, scratch = optimizer.init(W), np.empty_like(W)

    def slope() -> np.ndarray:
        p = np.exp(x @ W.T)
        return (p / p.sum(axis=1, keepdims=True) - np.eye(len(W))[y]).T @ x / len(x)

    for t in range(1, 3001):
        g = slope()
        regularizer.add_gradient(W, g, scratch)
        optimizer.update(W, g, state, optimizer.lr, t, scratch)
        regularizer.prox(W, optimizer.lr, scratch)
    return W, slope()


@pytest.mark.parametrize(("optimizer", "scale"), [(SGD(lr=0.3), 1), (Momentum(lr=0.1, rho=0.8), 0.2)], ids=str)
def test_proximal_steps_end_where_l1_has_its_minimum(dataset: Dataset, optimizer: Optimizer, scale: float) -> None:
    """The conditions of the minimum: slope = -lambda sign(w), or at w = 0 at most lambda. Momentum scales lambda."""
    strength = 0.03
    W, slope = descend(dataset, optimizer, L1Proximal(strength / scale))
    zero = W == 0
    assert 0.3 < zero.mean() < 0.95
    np.testing.assert_allclose(slope[~zero], -strength * np.sign(W[~zero]), rtol=1e-5)
    assert np.abs(slope[zero]).max() < strength * (1 + 1e-5)


def test_subgradient_steps_never_meet_zero(dataset: Dataset) -> None:
    W, _ = descend(dataset, SGD(lr=0.3), L1(0.03))
    assert not (W == 0).any()
