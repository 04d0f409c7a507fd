"""Sums that BLAS makes in one pass over memory, where NumPy would first write down what is to be added.

Both functions change their last argument in place. It must be C-contiguous, for otherwise a copy would be changed;
all arrays are of one dtype, float32 or float64. NumPy does not offer these routines of its BLAS, so they are SciPy's.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray


def add_multiple(a: float, x: Array, y: Array) -> None:
    """y += a x, for two arrays of one shape (axpy)."""
    _check(y)
    _routine("axpy", y.dtype)(x.reshape(-1), y.reshape(-1), a=a)


def add_product(a: Array, b: Array, c: Array) -> None:
    """c += a b, for a (n, k), b (k, m) and c (n, m) (gemm).

    BLAS counts columns first: what it is told is cᵀ += bᵀ aᵀ, of the same memory.
    """
    _check(c)
    _routine("gemm", c.dtype)(1, b.T, a.T, beta=1, c=c.T, overwrite_c=True)


def _check(changed: Array) -> None:
    if not changed.flags.c_contiguous:
        raise ValueError("an array that is summed up in place must be contiguous")


@cache
def _routine(name: str, dtype: np.dtype) -> Callable[..., Any]:
    from scipy.linalg import get_blas_funcs  # SciPy is slow to import, and only needed where something is trained

    routine: Callable[..., Any] = get_blas_funcs(name, dtype=dtype)
    return routine
