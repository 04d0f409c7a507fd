from dataclasses import replace
from itertools import pairwise
from math import cos, pi, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.schedule import Constant, Cosine, InverseSqrt, LinearDecay, Schedule, Step, factor
from tests import mixed_experiments

KINDS = [Constant, Step, Cosine, LinearDecay, InverseSqrt]


def factors(schedule: Schedule, total: int) -> list[float]:
    return [factor(schedule, t, total) for t in range(total)]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(), [1, 1, 1, 1]),
        (Step(every=0.5, gamma=0.1), [1, 1, 0.1, 0.1]),
        (Step(every=0.25, gamma=0.5), [1, 0.5, 0.25, 0.125]),
        (Step(every=1), [1, 1, 1, 1]),
        (Cosine(), [1, (1 + cos(pi / 4)) / 2, 0.5, (1 + cos(3 * pi / 4)) / 2]),
        (Cosine(floor=0.2), [1, 0.2 + 0.4 * (1 + cos(pi / 4)), 0.6, 0.2 + 0.4 * (1 + cos(3 * pi / 4))]),
        (Cosine(floor=1), [1, 1, 1, 1]),
        (LinearDecay(), [1, 0.75, 0.5, 0.25]),
        (InverseSqrt(), [1, 1 / sqrt(2), 1 / sqrt(3), 0.5]),
        (InverseSqrt(timescale=2), [1, sqrt(2 / 3), sqrt(2 / 4), sqrt(2 / 5)]),
        (Constant(warmup=0.5), [0, 0.5, 1, 1]),
        (LinearDecay(warmup=0.5), [0, 0.5, 1, 0.5]),
        (Step(warmup=0.5, every=0.5, gamma=0.1), [0, 0.5, 1, 0.1]),
        (Cosine(warmup=0.5, floor=0.1), [0, 0.5, 1, 0.55]),
        (InverseSqrt(warmup=0.25), [0, 1, 1 / sqrt(2), 1 / sqrt(3)]),
        (Constant(warmup=0.1), [1, 1, 1, 1]),  # less than half an update: none
    ],
    ids=str,
)
def test_values_of_four_updates(schedule: Schedule, expected: list[float]) -> None:
    assert factors(schedule, 4) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("schedule", mixed_experiments.SCHEDULES, ids=str)
@given(total=st.integers(1, 300), warmup=st.floats(0, 0.999))
def test_warmup_rises_from_0_to_1_and_then_it_only_falls(schedule: Any, total: int, warmup: float) -> None:
    values = factors(replace(schedule, warmup=warmup), total)
    updates = min(round(warmup * total), total - 1)  # at least the last update is no warmup
    assert values[:updates] == pytest.approx([t / updates for t in range(updates)])
    assert values[updates] == 1
    assert all(later <= earlier for earlier, later in pairwise(values[updates:]))
    assert all(0 <= value <= 1 for value in values)


@pytest.mark.parametrize("kind", [Constant, Cosine, LinearDecay])
@given(total=st.integers(2, 300), warmup=st.floats(0, 0.7))
def test_continuous(kind: type, total: int, warmup: float) -> None:
    """No step is steeper than the warmup, or than half a cosine over what is left."""
    updates = round(warmup * total)
    steepest = max(1 / updates if updates else 0, pi / 2 / (total - updates))
    values = factors(kind(warmup=warmup), total)
    assert all(abs(b - a) <= steepest + 1e-12 for a, b in pairwise(values))


@pytest.mark.parametrize("kind", [Constant, Step, Cosine, LinearDecay])
@given(total=st.integers(1, 20), fewer=st.integers(1, 16), warmup=st.sampled_from([0, 0.25, 0.5, 0.75]))
def test_means_the_same_at_every_batch_size(kind: type, total: int, fewer: int, warmup: float) -> None:
    """A batch of a sixteenth makes 16 times the updates; at the same share of training the factor is the same."""
    schedule = kind(warmup=warmup, **({"every": 0.25} if kind is Step else {}))
    large = factors(schedule, 4 * total)
    small = factors(schedule, 4 * total * fewer)
    assert small[::fewer] == pytest.approx(large, rel=1e-12)
