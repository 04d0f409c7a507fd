import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.optimizer import SGD, Adam, AdamW, Momentum, Optimizer, RMSprop
from lrlab.core.regularizer import L2, NoRegularizer, Regularizer
from tests import mixed_experiments
from tests.parity import naive

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "torch_optimizers.json").read_text())

# PyTorch's weight decay adds weight_decay * w to the gradient, a regularizer 2 * strength * w.
LIKE_TORCH: dict[str, tuple[Any, Any]] = {
    "SGD": (SGD(lr=0.05), NoRegularizer()),
    "SGD, weight decay": (SGD(lr=0.05), L2(strength=0.15)),
    "SGD, momentum": (Momentum(lr=0.02, rho=0.9), NoRegularizer()),
    "SGD, Nesterov": (Momentum(lr=0.02, rho=0.9, nesterov=True), NoRegularizer()),
    "RMSprop": (RMSprop(lr=0.03, beta=0.99, eps=1e-7), NoRegularizer()),
    "Adam": (Adam(lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8), NoRegularizer()),
    "Adam, weight decay": (Adam(lr=0.1, beta1=0.9, beta2=0.999, eps=1e-8), L2(strength=0.15)),
    "AdamW": (AdamW(lr=0.1, beta1=0.8, beta2=0.99, eps=1e-8, weight_decay=0.3), NoRegularizer()),
}


@pytest.mark.parametrize("name", GOLDEN["cases"])
def test_golden_trajectory_of_pytorch(name: str) -> None:
    optimizer, regularizer = LIKE_TORCH[name]
    points = descend(optimizer, regularizer)
    np.testing.assert_allclose(points, GOLDEN["cases"][name]["trajectory"], rtol=1e-12, atol=1e-14)


def descend(optimizer: Optimizer, regularizer: Regularizer) -> list[np.ndarray]:
    """As PyTorch descended: a quadratic, and a learning rate that is halved after five of ten updates."""
    a, c, w = (np.array(GOLDEN[key]) for key in ("curvature", "minimum", "start"))
    state, scratch, points = optimizer.init(w), np.empty_like(w), []
    for t in range(1, 11):
        g = a * (w - c)
        regularizer.add_gradient(w, g, scratch)
        optimizer.update(w, g, state, optimizer.lr * (1 if t <= 5 else 0.5), t, scratch)
        points.append(w.copy())
    return points


numbers = st.floats(-1e3, 1e3)


@pytest.mark.parametrize("optimizer", mixed_experiments.OPTIMIZERS, ids=str)
@given(start=numbers, steps=st.lists(st.tuples(numbers, st.floats(0, 1)), min_size=1, max_size=8))
def test_textbook_formula(optimizer: Optimizer, start: float, steps: list[tuple[float, float]]) -> None:
    textbook = naive.OPTIMIZERS[type(optimizer).__name__](**vars(optimizer))
    w, expected = np.array([start]), np.array([start])
    state, scratch = optimizer.init(w), np.full(1, np.nan)
    for t, (g, factor) in enumerate(steps, start=1):
        optimizer.update(w, np.array([g]), state, optimizer.lr * factor, t, scratch)
        expected = textbook(expected, np.array([g]), t, factor)
        np.testing.assert_allclose(w, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", mixed_experiments.OPTIMIZERS, ids=str)
def test_elements_are_updated_alone_in_place_and_in_their_own_precision(optimizer: Optimizer, dtype: str) -> None:
    rng = np.random.default_rng(0)
    start, gradients = rng.standard_normal(6).astype(dtype), rng.standard_normal((3, 6)).astype(dtype)

    def train(piece: slice) -> np.ndarray:
        whole = start.copy()
        w = whole[piece]
        state, scratch = optimizer.init(w), np.empty_like(w)
        for t, g in enumerate(gradients, start=1):
            optimizer.update(w, g[piece].copy(), state, optimizer.lr, t, scratch)
        assert {array.dtype for array in state} <= {np.dtype(dtype)}
        assert not np.shares_memory(scratch, w)
        return whole

    together = train(slice(6))
    assert np.all(together != start)
    first = train(slice(2))
    np.testing.assert_array_equal(first[:2], together[:2])
    np.testing.assert_array_equal(first[2:], start[2:])


@pytest.mark.parametrize("optimizer", [Adam(lr=0.1), AdamW(lr=0.1, weight_decay=0)], ids=str)
@given(g=st.floats(1e-3, 1e6))
def test_adam_s_first_step_is_the_learning_rate_whatever_the_gradient(optimizer: Optimizer, g: float) -> None:
    w = np.zeros(2)
    optimizer.update(w, np.array([g, -g]), optimizer.init(w), 0.1, 1, np.empty(2))
    np.testing.assert_allclose(w, [-0.1, 0.1], rtol=1e-4)


def test_adam_with_l2_and_adamw_decay_differently() -> None:
    weight_decay, lr, start = 0.5, 0.1, np.array([4.0, -0.25])

    def decay(optimizer: Optimizer, regularizer: Regularizer) -> np.ndarray:
        """One update without any data: only the decay is left."""
        w, g = start.copy(), np.zeros(2)
        regularizer.add_gradient(w, g, np.empty(2))
        optimizer.update(w, g, optimizer.init(w), lr, 1, np.empty(2))
        return w

    decoupled = decay(AdamW(lr=lr, weight_decay=weight_decay), NoRegularizer())
    coupled = decay(Adam(lr=lr), L2(strength=weight_decay / 2))
    np.testing.assert_allclose(decoupled, (1 - lr * weight_decay) * start)  # in proportion to the weight
    np.testing.assert_allclose(coupled, start - lr * np.sign(start), rtol=1e-6)  # normalized: the same for all
