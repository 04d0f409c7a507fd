import tracemalloc
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.neighbors import KNeighborsClassifier

from lrlab.core import neighbours
from lrlab.core.neighbours import KNN, l1, nearest, squared_l2

SCIPY = {"l1": "cityblock", "l2": "sqeuclidean"}
OURS = {"l1": l1, "l2": squared_l2}


def images(rng: np.random.Generator, count: int, features: int, dtype: type = np.uint8) -> np.ndarray:
    return rng.integers(0, 256, (count, features)).astype(dtype)


@pytest.mark.parametrize("features", [1, 2, 7, 64, 255, 256, 257, 784, 3072])
@pytest.mark.parametrize("metric", OURS)
def test_bytes_are_measured_exactly(features: int, metric: str) -> None:
    """Against SciPy in float64; odd counts, even counts, and the largest distance there is."""
    rng = np.random.default_rng(features)
    queries, x = images(rng, 5, features), images(rng, 31, features)
    x[3], queries[2] = 255, 0
    away = OURS[metric](queries, x)
    np.testing.assert_array_equal(away, cdist(queries.astype(float), x.astype(float), SCIPY[metric]))


@pytest.mark.parametrize("metric", OURS)
def test_blocks_and_threads_change_nothing(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    queries, x = images(rng, 9, 12), images(rng, 101, 12)
    whole = OURS[metric](queries, x)
    for rows in (1, 2, 7, 100, 101, 1000):
        monkeypatch.setattr(neighbours, "GEMM_ROWS", rows)
        monkeypatch.setattr(neighbours, "BLOCK_BYTES", 12 * rows)
        np.testing.assert_array_equal(OURS[metric](queries, x), whole)
    np.testing.assert_array_equal(l1(queries, x, threads=3), l1(queries, x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", OURS)
def test_floats(metric: str, dtype: type) -> None:
    rng = np.random.default_rng(1)
    queries: np.ndarray = rng.standard_normal((11, 5)).astype(dtype)
    x: np.ndarray = rng.standard_normal((40, 5)).astype(dtype)
    expected = cdist(queries.astype(float), x.astype(float), SCIPY[metric])
    np.testing.assert_allclose(OURS[metric](queries, x), expected, rtol=1e-12, atol=1e-12)


@given(st.data())
def test_nearest_is_a_stable_sort_of_all_distances(data: st.DataObject) -> None:
    """Few different values, so that many distances are equal: the smaller row comes first."""
    rows = st.lists(st.integers(0, 3), min_size=2, max_size=2)
    queries, x = (np.array(data.draw(st.lists(rows, min_size=1, max_size=size)), np.uint8) for size in (4, 25))
    k, metric = data.draw(st.integers(1, len(x))), data.draw(st.sampled_from(["l1", "l2"]))
    expected = [
        sorted(range(len(x)), key=lambda i: (np.abs(x[i].astype(int) - query) ** int(metric[1])).sum())[:k]
        for query in queries.astype(int)
    ]
    np.testing.assert_array_equal(nearest(queries, x, k, metric), expected)


@pytest.mark.parametrize("k", [1, 4, 15])
@pytest.mark.parametrize(("metric", "theirs"), [("l1", "manhattan"), ("l2", "euclidean")])
def test_votes_like_scikit_learn(metric: Literal["l1", "l2"], theirs: str, k: int) -> None:
    rng = np.random.default_rng(2)
    y = rng.integers(4, size=300)
    x = (rng.standard_normal((4, 6))[y] + rng.standard_normal((300, 6))).astype(np.float64)
    queries = rng.standard_normal((100, 6))
    reference = KNeighborsClassifier(k, metric=theirs, algorithm="brute").fit(x, y)
    votes = KNN(k, metric).votes(y[nearest(queries, x, 20, metric)], classes=4)
    np.testing.assert_array_equal(votes / k, reference.predict_proba(queries))
    np.testing.assert_array_equal(votes.argmax(axis=1), reference.predict(queries))


def test_float32_would_not_do() -> None:
    """Two bright images that differ by one grey level in a few pixels: the formula in float32 confuses them."""
    x = np.full((2, 3072), 250, np.uint8)
    x[0, :3] += 1
    x[1, :2] += 1
    query = np.full((1, 3072), 250, np.uint8)
    wide = x.astype(np.float32)
    narrow = (query.astype(np.float32) ** 2).sum() - 2 * query.astype(np.float32) @ wide.T + (wide**2).sum(axis=1)
    assert narrow[0].tolist() != [3, 2]
    assert squared_l2(query, x).tolist() == [[3, 2]]


@pytest.mark.parametrize("metric", OURS)
def test_memory_is_the_distances_and_a_block(metric: str) -> None:
    rng = np.random.default_rng(0)
    queries, x = images(rng, 8, 512), images(rng, 20_000, 512)
    tracemalloc.start()
    OURS[metric](queries, x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    distances = len(queries) * len(x) * 8
    block = {"l1": 3 * neighbours.BLOCK_BYTES, "l2": 3 * neighbours.GEMM_ROWS * 512 * 8}[metric]
    assert peak < distances + block + 2e6
