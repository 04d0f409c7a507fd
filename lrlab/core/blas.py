"""The multiplies of the trainer.

NumPy can multiply, but not add a product to what is there without writing it down first. All of it is SciPy's BLAS:
NumPy brings a BLAS of its own, and the threads of two of them in turn would wait for each other's cores.

The last argument, out, is changed in place. It must be C-contiguous, for otherwise a copy would be changed; all
arrays are of one dtype, float32 or float64.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from lrlab.runtime.scipy_blas import routines

Array = np.ndarray

GEMM = {np.dtype(np.float32): "sgemm", np.dtype(np.float64): "dgemm"}


def gemm_add(a: Array, b: Array, out: Array) -> Array:
    """Add a b to out and return it, for a (n, k), b (k, m), out (n, m); or for stacks of these (gemm with beta = 1)."""
    _multiply(a, b, out, beta=1)
    return out


def matmul(a: Array, b: Array, out: Array) -> Array:
    """Write a b to out and return it; shapes as in `gemm_add` (gemm with beta = 0)."""
    _multiply(a, b, out, beta=0)
    return out


def _multiply(a: Array, b: Array, c: Array, beta: int) -> None:
    """Make c = a b + beta c; BLAS counts columns first and is told cᵀ = bᵀ aᵀ + beta cᵀ, of the same memory."""
    if c.ndim > 2:
        for matrices in zip(a, b, c, strict=True):
            _multiply(*matrices, beta)
        return
    if not c.flags.c_contiguous:
        raise ValueError("an array that is changed in place must be contiguous")
    left, trans_a = _columns_first(b.T)
    right, trans_b = _columns_first(a.T)
    _gemm(c.dtype)(1, left, right, beta=beta, c=c.T, trans_a=trans_a, trans_b=trans_b, overwrite_c=True)


def _columns_first(matrix: Array) -> tuple[Array, bool]:
    """Return the matrix, or its transpose, as it lies in memory; and whether it is the transpose."""
    return (matrix, False) if matrix.flags.f_contiguous else (matrix.T, True)


@cache
def _gemm(dtype: np.dtype) -> Callable[..., Any]:
    gemm: Callable[..., Any] = getattr(routines(), GEMM[dtype])
    return gemm
