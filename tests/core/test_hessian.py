import numpy as np
import pytest

from lrlab.core.hessian import softmax_hessian


def softmax(scores: np.ndarray) -> np.ndarray:
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("N", "C", "M"), [(7, 2, 1), (9, 4, 3), (1, 3, 2), (30, 5, 6)])
def test_is_the_slope_of_the_gradient(N: int, C: int, M: int) -> None:
    """Centred differences of the textbook gradient (P - Y)^T X / N."""
    rng = np.random.default_rng(0)
    x, y, w = rng.standard_normal((N, M)), rng.integers(C, size=N), rng.standard_normal((C, M))

    def gradient(w: np.ndarray) -> np.ndarray:
        return ((softmax(x @ w.T) - np.eye(C)[y]).T @ x / N).ravel()

    h, numeric = 1e-5, np.empty((C * M, C * M))
    for i in range(C * M):
        step = np.zeros(C * M)
        step[i] = h
        numeric[:, i] = (gradient(w + step.reshape(C, M)) - gradient(w - step.reshape(C, M))) / (2 * h)
    H = softmax_hessian(softmax(x @ w.T), x)
    np.testing.assert_allclose(H, numeric, atol=1e-9)
    np.testing.assert_allclose(H, H.T, rtol=1e-12, atol=1e-17)
    assert np.linalg.eigvalsh(H).min() > -1e-12
    alike = np.tile(rng.standard_normal(M), C)  # one row, added to all classes
    np.testing.assert_allclose(H @ alike, 0, atol=1e-12)
