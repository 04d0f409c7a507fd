import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lrlab.data.standardize import BLOCK, Moments, standardized


@given(arrays(np.uint8, array_shapes(min_dims=4, max_dims=4, max_side=5), elements=st.integers(0, 255)))
def test_moments_are_those_of_the_whole_array(pixels: np.ndarray) -> None:
    moments = Moments.of(pixels)
    channels = pixels.reshape(-1, pixels.shape[-1]).astype(np.float64)
    np.testing.assert_allclose(moments.mean, channels.mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.std, channels.std(0), rtol=1e-9, atol=1e-5)


def test_moments_over_several_blocks() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2 * BLOCK + 7, 2, 3, 2), np.uint8)
    pixels[BLOCK:] //= 3
    moments = Moments.of(pixels)
    np.testing.assert_allclose(moments.mean, pixels.reshape(-1, 2).mean(0), rtol=1e-12)
    np.testing.assert_allclose(moments.std, pixels.reshape(-1, 2).std(0), rtol=1e-9)


def test_standardized_rows_have_mean_zero_and_variance_one_per_channel() -> None:
    pixels = np.random.default_rng(0).integers(0, 200, (50, 4, 4, 3), np.uint8)
    pixels[..., 1] //= 5
    rows = standardized(pixels, Moments.of(pixels))
    assert rows.shape == (50, 48)
    assert rows.dtype == np.float32
    channels = rows.reshape(-1, 3).astype(np.float64)
    np.testing.assert_allclose(channels.mean(0), 0, atol=1e-7)
    np.testing.assert_allclose(channels.std(0), 1, atol=1e-7)


def test_a_row_reshapes_to_its_image() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    rows = standardized(pixels, Moments(np.zeros(3), np.ones(3)))
    np.testing.assert_array_equal(rows.reshape(pixels.shape), pixels)


def test_moments_of_rows_do_not_depend_on_how_they_come() -> None:
    rows = np.random.default_rng(0).normal(1e6, [1, 1e-3, 1e3], (101, 3))
    moments = Moments.of_rows(np.array_split(rows, [1, 50, 50, 93]), 3)
    np.testing.assert_allclose(moments.mean, rows.mean(0), rtol=1e-14)
    np.testing.assert_allclose(moments.std, rows.std(0), rtol=1e-6)


def test_moments_of_rows_pass_over_nan_and_what_does_not_vary_keeps_its_scale() -> None:
    rows = np.array([[1, 5, np.nan], [np.nan, 5, np.nan], [3, 5, np.nan]])
    moments = Moments.of_rows([rows[:1], rows[1:2], rows[2:]], 3)
    np.testing.assert_array_equal(moments.mean, [2, 5, np.nan])
    np.testing.assert_array_equal(moments.std[:2], [1, 1])
