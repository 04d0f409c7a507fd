"""The prior on curves, against numerical integration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from lrlab.scaling_law.roughness import PRIORS, Roughness, parabola, posterior, restricted_log_likelihood

X = np.array([0.0, 0.5, 1.1, 1.9, 2.4, 3.0])


@pytest.mark.parametrize("order", [2, 3])
@given(st.floats(0.1, 4), st.floats(0.1, 4))
def test_the_covariance_is_that_of_integrated_white_noise(order: int, s: float, t: float) -> None:
    """Z(t) = ∫ (t - u)^(n-1)/(n-1)! dW(u) from 0 to t for n = 2, 3 integrations."""
    factorial = {2: 1.0, 3: 2.0}[order]
    expected = integrate.quad(lambda u: ((s - u) * (t - u)) ** (order - 1) / factorial**2, 0, min(s, t))[0]
    found = Roughness(1.0, order).covariance(np.array([s]), np.array([t]))
    assert found[0, 0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("order", [2, 3])
def test_drawn_noise_integrated_step_by_step_has_the_covariance(order: int) -> None:
    step, times = 0.02, np.array([0.5, 1.0, 2.0])
    z = np.random.default_rng(0).standard_normal((4000, 100)) * step**-0.5
    for _ in range(order):
        z = np.cumsum(z, axis=1) * step
    at = z[:, np.round(times / step).astype(int) - 1]
    expected = Roughness(1.0, order).covariance(times, times)
    np.testing.assert_allclose(at.T @ at / len(at), expected, atol=0.1 * expected.max())


@pytest.mark.parametrize("prior", PRIORS[::5])
def test_covariances_are_symmetric_and_not_negative(prior: Roughness) -> None:
    found = prior.covariance(X, X)
    np.testing.assert_allclose(found, found.T)
    assert np.linalg.eigvalsh(found).min() > -1e-9 * np.abs(found).max()


def test_the_roughness_scales_the_covariance_by_its_square() -> None:
    np.testing.assert_allclose(Roughness(3.0, 2).covariance(X, X), 9 * Roughness(1.0, 2).covariance(X, X))


COVARIANCE = Roughness(0.5, 3).covariance(X, X) + 0.1 * np.eye(6)


@given(
    st.lists(st.floats(-3, 3), min_size=6, max_size=6),
    st.tuples(st.floats(-10, 10), st.floats(-10, 10), st.floats(-10, 10)),
)
def test_a_parabola_added_changes_no_restricted_likelihood(z: list[float], added: tuple[float, ...]) -> None:
    once = restricted_log_likelihood(np.array(z), X, COVARIANCE)
    again = restricted_log_likelihood(z + parabola(X) @ added, X, COVARIANCE)
    assert again == pytest.approx(once, abs=1e-5)


def test_the_restricted_likelihood_is_that_of_what_no_parabola_changes() -> None:
    """Of the contrasts: three combinations of the values that vanish for every parabola."""
    contrasts = np.linalg.svd(parabola(X))[0][:, 3:]
    rng = np.random.default_rng(0)
    values = rng.standard_normal((2, 6))
    covariances = [COVARIANCE, COVARIANCE + np.diag([1.0, 0, 2, 0, 0, 3])]
    naive = [
        stats.multivariate_normal(cov=contrasts.T @ covariance @ contrasts).logpdf(z @ contrasts)
        for z in values
        for covariance in covariances
    ]
    found = [restricted_log_likelihood(z, X, covariance) for z in values for covariance in covariances]
    np.testing.assert_allclose(np.diff(found), np.diff(naive), atol=1e-6)


def likelihoods(favoured: list[int], groups: int, height: float = 3.0) -> np.ndarray:
    log_likelihood = np.zeros((groups, 1, len(PRIORS)))
    for group, prior in enumerate(favoured):
        log_likelihood[group, 0, prior] = height
    return log_likelihood


def test_a_batch_size_that_tells_nothing_gets_the_roughness_of_the_others() -> None:
    weights = posterior(likelihoods([3] * 6, groups=7))[-1, 0]
    assert weights.sum() == pytest.approx(1)
    assert weights.argmax() == 3
    alone = posterior(likelihoods([], groups=1))[0, 0]
    assert weights[3] > 2 * alone[3]


def test_all_batch_sizes_share_one_order() -> None:
    order = np.array([prior.order for prior in PRIORS])
    weights = posterior(likelihoods([len(PRIORS) - 4] * 6, groups=7, height=6.0))[-1, 0]
    assert weights[order == 2].sum() > 0.95


def test_all_batch_sizes_share_one_noise() -> None:
    log_likelihood = np.zeros((5, 3, len(PRIORS)))
    log_likelihood[:4, 2] = 3.0
    weights = posterior(log_likelihood)
    assert weights[-1, 2].sum() > 0.95
    np.testing.assert_allclose(weights.sum(axis=(1, 2)), 1)


def test_a_clear_case_is_not_overruled() -> None:
    weights = posterior(likelihoods([1, 1, 1, 8], groups=4, height=30.0))
    assert [int(of_group[0].argmax()) for of_group in weights] == [1, 1, 1, 8]


@given(st.floats(-1e6, 1e6))
def test_a_constant_factor_of_the_likelihood_is_of_no_matter(constant: float) -> None:
    log_likelihood = np.random.default_rng(0).normal(0, 3, (4, 2, len(PRIORS)))
    np.testing.assert_allclose(posterior(log_likelihood + constant), posterior(log_likelihood), atol=1e-6)


@pytest.mark.parametrize("prior", [Roughness(0.5, 2), Roughness(2.0, 3)])
def test_draws_have_the_covariance_and_batch_sizes_share_their_root(prior: Roughness) -> None:
    drawn = prior.draw(X, 20_000, np.random.default_rng(0))
    expected = prior.covariance(X, X)
    np.testing.assert_allclose(drawn.T @ drawn / len(drawn), expected, atol=0.05 * expected.max())
    np.testing.assert_array_equal(
        prior.draw(X, 3, np.random.default_rng(1)), prior.draw(X, 3, np.random.default_rng(1))
    )


def test_likelihoods_of_many_covariances_are_those_of_each() -> None:
    z = np.array([1.0, 0.4, 0.1, 0.3, 0.8, 2.0])
    covariances = np.array(
        [[factor * prior.covariance(X, X) + 0.1 * np.eye(6) for factor in (0.5, 2.0)] for prior in PRIORS[:3]]
    )
    together = restricted_log_likelihood(z, X, covariances)
    assert together.shape == (3, 2)
    for place in np.ndindex(3, 2):
        assert together[place] == pytest.approx(float(restricted_log_likelihood(z, X, covariances[place])))
