import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.special import logsumexp, softmax

from lrlab.core.loss import SoftmaxCrossEntropy

LOSS = SoftmaxCrossEntropy()
Problem = tuple[np.ndarray, np.ndarray]  # scores (K, C, B) and labels (B,)


@st.composite
def problems(draw: st.DrawFn, largest: float = 1e4) -> Problem:
    shape = draw(st.tuples(st.integers(1, 3), st.integers(2, 5), st.integers(1, 4)))
    scores = draw(arrays.arrays(np.float64, shape, elements=st.floats(-largest, largest)))
    y = draw(arrays.arrays(np.intp, shape[2], elements=st.integers(0, shape[1] - 1)))
    return scores, y


def reference(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    return logsumexp(scores, axis=1) - scores[:, y, np.arange(len(y))]


@given(problems())
def test_value_is_log_sum_exp_minus_the_label_s_score(problem: Problem) -> None:
    scores, y = problem
    np.testing.assert_allclose(LOSS.value(scores, y), reference(scores, y), rtol=1e-12, atol=1e-11)


@given(problems())
def test_gradient_is_softmax_minus_onehot(problem: Problem) -> None:
    scores, y = problem
    members, classes, batch = scores.shape
    onehot = np.eye(classes)[y].T
    gradient = scores.copy()
    losses, right = LOSS.value_and_grad(gradient, y, np.full(members, float(batch)))
    np.testing.assert_allclose(gradient, (softmax(scores, axis=1) - onehot) / batch, rtol=1e-9, atol=1e-14)
    np.testing.assert_array_equal(losses, LOSS.value(scores, y))
    np.testing.assert_array_equal(right, scores.argmax(axis=1) == y)


@given(problems())
def test_gradient_sums_to_zero_over_the_classes(problem: Problem) -> None:
    scores, y = problem
    LOSS.value_and_grad(scores, y, np.ones(len(scores)))
    np.testing.assert_allclose(scores.sum(axis=1), 0, atol=1e-14)


@given(problems(largest=50), st.floats(-1e4, 1e4))
def test_a_shift_of_all_scores_changes_nothing(problem: Problem, shift: float) -> None:
    scores, y = problem
    shifted = scores + shift
    np.testing.assert_allclose(LOSS.value(shifted, y), LOSS.value(scores, y), rtol=1e-9, atol=1e-10)
    samples = np.ones(len(scores))
    LOSS.value_and_grad(scores, y, samples)
    LOSS.value_and_grad(shifted, y, samples)
    np.testing.assert_allclose(shifted, scores, atol=1e-10)


@given(problems(largest=50), st.lists(st.integers(1, 1024), min_size=3, max_size=3))
def test_gradient_scales_with_each_member_s_own_batch(problem: Problem, batch_sizes: list[int]) -> None:
    scores, y = problem
    samples = np.array(batch_sizes[: len(scores)], float)
    alone, shared = scores.copy(), scores.copy()
    losses, right = LOSS.value_and_grad(alone, y, np.ones(len(scores)))
    same_losses, same_right = LOSS.value_and_grad(shared, y, samples)
    np.testing.assert_allclose(shared * samples[:, None, None], alone, rtol=1e-9, atol=1e-13)
    np.testing.assert_array_equal(same_losses, losses)
    np.testing.assert_array_equal(same_right, right)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_stable_at_scores_of_ten_thousand(dtype: str) -> None:
    scores = np.array([[[1e4, 1e4, -1e4], [-1e4, -1e4, -1e4]]], dtype)
    y = np.array([0, 1, 0])
    expected = [[0, 2e4, np.log(2)]]
    np.testing.assert_allclose(LOSS.value(scores, y), expected, rtol=1e-6)
    losses, right = LOSS.value_and_grad(scores, y, np.array([2], dtype))
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    np.testing.assert_allclose(scores, [[[0, 0.5, -0.25], [0, -0.5, 0.25]]])
    np.testing.assert_array_equal(right, [[True, False, True]])  # a tie is right
    assert scores.dtype == losses.dtype == np.dtype(dtype)


def test_uniform_scores_cost_the_logarithm_of_the_classes() -> None:
    np.testing.assert_allclose(LOSS.value(np.zeros((2, 10, 3)), np.array([0, 5, 9])), np.log(10))


def test_not_a_number_stays_with_its_member() -> None:
    scores = np.ones((3, 4, 2))
    scores[1, 2, 0] = np.nan
    y = np.array([0, 3])
    losses, right = LOSS.value_and_grad(scores, y, np.ones(3))
    assert np.isnan(losses[1, 0])
    assert not right[1, 0]
    assert np.isfinite(scores[[0, 2]]).all()
    np.testing.assert_allclose(losses[[0, 2]], np.log(4))
