import numpy as np
import pytest

from lrlab.analysis.answers.paired import difference


def test_only_common_seeds_count() -> None:
    found = difference({0: 1.0, 1: 2.0, 2: 9.0}, {0: 1.5, 1: 2.7, 3: 0.0})
    assert found is not None
    assert (found.seeds, found.mean.degrees_of_freedom) == (2, 1)
    assert found.mean.value == pytest.approx(0.6)
    assert found.may_be_zero  # of one degree of freedom: half the width is 12.7 standard errors


def test_one_seed_tells_nothing() -> None:
    assert difference({0: 1.0}, {0: 2.0, 1: 3.0}) is None
    assert difference({None: 1.0}, {None: 2.0}) is None


@pytest.mark.bench
@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_the_interval_holds_the_truth_in_19_of_20_studies(seeds: int) -> None:
    rng, hits, studies = np.random.default_rng(seeds), 0, 4000
    for _ in range(studies):
        shift = rng.normal(0, 1, seeds)
        first = dict(enumerate(shift + rng.normal(0, 0.1, seeds)))
        second = dict(enumerate(0.05 + shift + rng.normal(0, 0.2, seeds)))
        found = difference(first, second)
        assert found is not None
        low, high = found.mean.interval()
        hits += low <= 0.05 <= high
    assert hits / studies == pytest.approx(0.95, abs=0.015)
