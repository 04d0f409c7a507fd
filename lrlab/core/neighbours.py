"""k-nearest neighbours: exact distances, in blocks of bounded memory (CS231n, nearest neighbor classifier).

Images are best given as the bytes they were published as. Whole numbers make the distances exact, so that the answer
depends on no rounding and no block size:

    L2   sum (a - b)^2 = sum a^2 + sum b^2 - 2 sum a b      one float64 GEMM; float32 would lose the last digits of
                                                            squares that reach 2e8, and with them close neighbours
    L1   sum |a - b|   = sum a + sum b - 2 sum min(a, b)    on bytes: four times as many per instruction as floats

Neighbours at one distance are taken in the order of their rows.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

Array = np.ndarray

GEMM_ROWS = 2048  # rows of x that are widened to float64 at a time
BLOCK_BYTES = 1 << 21  # of x, compared with one query at a time: near the core, and long enough to be quick
HALVINGS = 8  # 255 * 2^8 still fits into 16 bits


@dataclass(frozen=True)
class KNN:
    """Votes of the k nearest training images; nothing is learned.

    Args:
        k: how many vote.
        metric: l1 (sum of absolute differences) or l2 (root of the sum of squared differences), of pixels.
    """

    k: Annotated[int, Ge(1)] = 1
    metric: Literal["l1", "l2"] = "l2"

    def votes(self, labels: Array, classes: int) -> Array:
        """Return how many of each query's k nearest have each label, (Q, classes).

        Args:
            labels: (Q, k or more) labels of the neighbours, nearest first.
            classes: how many there are.
        """
        counts: Array = np.count_nonzero(labels[:, : self.k, None] == np.arange(classes), axis=1)
        return counts


def nearest(queries: Array, x: Array, k: int, metric: str, threads: int = 1) -> Array:
    """Return the k nearest rows of x for each query.

    Args:
        queries: (Q, D) of the dtype of x. The distances (Q, N) are held at once: Q bounds the memory.
        x: (N, D), N >= k; uint8 for images, else floats.
        k: how many.
        metric: l1 or l2.
        threads: for L1; the GEMM of L2 has BLAS's.

    Returns:
        (Q, k) row indices, nearest first; of equally near ones the smaller index first.
    """
    away = squared_l2(queries, x) if metric == "l2" else l1(queries, x, threads)
    return np.stack([_smallest(row, k) for row in away])


def squared_l2(queries: Array, x: Array) -> Array:
    """Return the square of L2, (Q, N) float64. Exact for bytes; for floats to 1e-16 of the squares."""
    q = queries.astype(np.float64)
    away = np.empty((len(q), len(x)))
    for i in range(0, len(x), GEMM_ROWS):
        rows = x[i : i + GEMM_ROWS].astype(np.float64)
        np.matmul(q, rows.T, out=away[:, i : i + GEMM_ROWS])
        away[:, i : i + GEMM_ROWS] *= -2
        away[:, i : i + GEMM_ROWS] += np.square(rows).sum(axis=1)
    away += np.square(q).sum(axis=1)[:, None]
    return away


def l1(queries: Array, x: Array, threads: int = 1) -> Array:
    """Return L1, (Q, N): int64 and exact for bytes, float64 for floats."""
    whole = x.dtype == np.uint8
    block = _l1_of_bytes if whole else _l1_of_floats
    away = np.empty((len(queries), len(x)), np.int64 if whole else np.float64)
    length = max(1, BLOCK_BYTES // x[0].nbytes)

    def fill(i: int) -> None:
        block(queries, x[i : i + length], away[:, i : i + length])

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(fill, range(0, len(x), length)))
    return away


def _l1_of_bytes(queries: Array, rows: Array, away: Array) -> None:
    """Fill ``away``. Every operation runs along images, feature-major: two in 16 bits, kept apart by masks."""
    count, features = rows.shape
    x = np.zeros((features, count + count % 2), np.uint8)
    x[:, :count] = rows.T
    smaller = np.empty_like(x)
    odd = smaller.view("<u2")
    even = np.empty_like(odd)
    total = rows.sum(axis=1, dtype=np.int64)
    for query, out in zip(queries, away, strict=True):
        np.minimum(x, query[:, None], out=smaller)
        np.bitwise_and(odd, 0xFF, out=even)
        np.right_shift(odd, 8, out=odd)
        np.add(total, query.sum(dtype=np.int64), out=out)
        out[::2] -= 2 * _sum(even)[: (count + 1) // 2]
        out[1::2] -= 2 * _sum(odd)[: count // 2]


def _sum(values: Array) -> Array:
    """Sum over the rows of (D, n) values below 256, in 16 bits as long as they fit; overwrite the values."""
    for _ in range(HALVINGS):
        half, remainder = divmod(len(values), 2)
        if remainder:
            break
        values = np.add(values[:half], values[half:], out=values[:half])
    sums: Array = values.sum(axis=0, dtype=np.int64)
    return sums


def _l1_of_floats(queries: Array, rows: Array, away: Array) -> None:
    for query, out in zip(queries.astype(np.float64), away, strict=True):
        np.abs(rows - query).sum(axis=1, out=out)


def _smallest(away: Array, k: int) -> Array:
    limit = np.partition(away, k - 1)[k - 1]
    within = np.flatnonzero(away <= limit)
    return within[np.argsort(away[within], kind="stable")][:k]
