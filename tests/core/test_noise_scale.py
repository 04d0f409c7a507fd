import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.noise_scale import moments
from lrlab.errors import InputError

positive = st.floats(1e-3, 1e3)


@given(positive, positive, st.integers(1, 100), st.integers(1, 100))
def test_moments_solve_the_two_equations(gradient: float, trace: float, small: int, more: int) -> None:
    large = small + more
    estimates = moments(gradient + trace / small, gradient + trace / large, small, large)
    scale = gradient + trace
    np.testing.assert_allclose(estimates, (gradient, trace), atol=1e-9 * scale * large)


def norms(rng: np.random.Generator, *, steps: int, batch: int, micro: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared norms of microbatch gradients (steps, batch/micro) and of batch gradients (steps, 1).

    A sample's gradient is (3, 0, 0, ...) plus noise of covariance diag(1, 2, ..., 8) between which a rotation mixes:
    |G|² = 9, tr(Σ) = 36, so B_simple = 4.
    """
    rotation = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    sample = np.sqrt(np.arange(1, 9)) * rng.standard_normal((steps, batch, 8)) @ rotation
    sample[..., 0] += 3
    parts = sample.reshape(steps, batch // micro, micro, 8).mean(axis=2)
    return (parts**2).sum(axis=-1), (parts.mean(axis=1, keepdims=True) ** 2).sum(axis=-1)


@pytest.mark.parametrize(("batch", "micro"), [(2, 1), (16, 4), (64, 32)])
def test_moments_are_unbiased_for_gradients_of_known_covariance(batch: int, micro: int) -> None:
    small, large = norms(np.random.default_rng(0), steps=20_000, batch=batch, micro=micro)
    for estimate, true in zip(moments(small, large, micro, batch), (9.0, 36.0), strict=True):
        steps = estimate.mean(axis=1)
        assert abs(steps.mean() - true) < 4 * steps.std() / math.sqrt(len(steps))


def test_the_ratio_of_averages_finds_the_noise_scale_where_the_average_of_ratios_does_not() -> None:
    small, large = norms(np.random.default_rng(1), steps=20_000, batch=4, micro=1)
    gradient, trace = moments(small.mean(axis=1), large[:, 0], 1, 4)
    assert trace.mean() / gradient.mean() == pytest.approx(4.0, rel=0.05)
    assert abs(np.mean(trace / gradient) - 4.0) > 0.4


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (([1.0], [1.0], 0, 2), "batch_small must be an integer >= 1, got 0"),
        (([1.0], [1.0], 4, 4), "batch_large must be an integer >= 5, got 4"),
    ],
)
def test_what_cannot_be_used_is_refused(arguments: tuple, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        moments(*arguments)
