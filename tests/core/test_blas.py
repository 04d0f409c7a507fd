import numpy as np
import pytest

from lrlab.core.blas import gemm_add, matmul

DTYPES = ("float32", "float64")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "k", "m"), [(1, 1, 1), (5, 3, 7), (320, 64, 100), (10, 1000, 3)])
@pytest.mark.parametrize("members", [(), (3,)])
@pytest.mark.parametrize("layout", ["rows", "columns", "every other"])
def test_a_product_replaces_what_was_there_or_is_added(
    dtype: str, n: int, k: int, m: int, members: tuple[int, ...], layout: str
) -> None:
    rng = np.random.default_rng(0)
    a, b, c = (rng.standard_normal((*members, *shape)).astype(dtype) for shape in ((n, k), (k, m), (n, m)))
    if layout == "columns":
        a, b = (np.ascontiguousarray(matrix.swapaxes(-1, -2)).swapaxes(-1, -2) for matrix in (a, b))
    if layout == "every other":
        a, b = (np.repeat(matrix, 2, axis=-1)[..., ::2] for matrix in (a, b))
    expected, atol = a.astype(float) @ b.astype(float), k * float(np.finfo(dtype).eps) * 4
    added = c.copy()
    gemm_add(a, b, added)
    np.testing.assert_allclose(added, c + expected, rtol=1e-4, atol=atol)
    c[:] = np.nan
    matmul(a, b, c)
    np.testing.assert_allclose(c, expected, rtol=1e-4, atol=atol)


def test_only_the_rows_that_are_given_change() -> None:
    """A slice of a stacked array is one member's."""
    c = np.zeros((3, 2, 4), np.float32)
    gemm_add(np.ones((2, 1), np.float32), np.ones((1, 4), np.float32), c[1])
    assert (c[1] == 1).all()
    assert c.sum() == 8


def test_what_would_change_a_copy_is_refused() -> None:
    with pytest.raises(ValueError, match="contiguous"):
        gemm_add(np.ones((2, 2)), np.ones((2, 2)), np.ones((2, 2)).T)
