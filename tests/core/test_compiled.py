import numpy as np
import pytest

from lrlab.core.optimizer import ElementaryOptimizer
from lrlab.core.regularizer import ElementaryRegularizer
from tests import mixed_experiments

pytest.importorskip("numba", reason="Numba is not installed: pip install 'lrlab[fast]'")
from lrlab.core.compiled import REGULARIZERS, UPDATES

K, N = 5, 1000
LR = 0.03


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "regularizer", mixed_experiments.REGULARIZERS + mixed_experiments.PROXIMAL, ids=lambda each: type(each).__name__
)
@pytest.mark.parametrize("optimizer", mixed_experiments.OPTIMIZERS, ids=str)
def test_the_same_as_numpy_to_the_bit(
    optimizer: ElementaryOptimizer, regularizer: ElementaryRegularizer, dtype: str
) -> None:
    """On values of all magnitudes, zeros among them; other rows are left alone."""
    rng = np.random.default_rng(0)
    w = (rng.standard_normal((K, N)) * 10.0 ** rng.integers(-20, 5, (K, N))).astype(dtype)
    w[:, ::9] = 0
    ours, slots = w.copy(), [0, 3, 4]
    states = [np.zeros_like(w) for _ in optimizer.init(w)]
    our_states, scratch = [state.copy() for state in states], np.empty_like(w[0])
    for t in range(1, 6):
        g = (rng.standard_normal((K, N)) * 10.0 ** rng.integers(-20, 3, (K, N))).astype(dtype)
        g[:, ::7] = 0
        constants = np.array([optimizer.constants(LR / (k + 1), t) for k in slots], dtype)
        penalties = np.array([regularizer.constants(LR / (k + 1)) for k in slots], dtype)
        UPDATES[type(optimizer)](np.array(slots), ours, g, tuple(our_states), constants, penalties)
        for k in slots:
            gradient = g[k].copy()
            regularizer.add_gradient(w[k], gradient, scratch)
            optimizer.update(w[k], gradient, tuple(state[k] for state in states), LR / (k + 1), t, scratch)
            regularizer.prox(w[k], LR / (k + 1), scratch)
    np.testing.assert_array_equal(ours, w)
    for state, our_state in zip(states, our_states, strict=True):
        np.testing.assert_array_equal(our_state, state)


def test_every_optimizer_and_regularizer_of_conf_is_there() -> None:
    assert {type(each) for each in mixed_experiments.OPTIMIZERS} == UPDATES.keys()
    assert {type(each) for each in mixed_experiments.REGULARIZERS + mixed_experiments.PROXIMAL} == REGULARIZERS
