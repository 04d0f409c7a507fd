from dataclasses import replace
from itertools import pairwise
from math import cos, pi, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrlab.core.schedule import Constant, Cosine, InverseSqrt, LinearDecay, Schedule, Step, factor, warmup_updates
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
        (Constant(warmup=0.25), [1 / 2, 1, 1, 1]),
        (Constant(warmup=0.5), [1 / 3, 2 / 3, 1, 1]),
        (Constant(warmup=0.75), [1 / 4, 2 / 4, 3 / 4, 1]),
        (Constant(warmup=0.99), [1 / 4, 2 / 4, 3 / 4, 1]),  # the last update is no warmup
        (LinearDecay(warmup=0.5), [1 / 3, 2 / 3, 1, 0.5]),
        (Step(warmup=0.5, every=0.5, gamma=0.1), [1 / 3, 2 / 3, 1, 0.1]),
        (Cosine(warmup=0.5, floor=0.1), [1 / 3, 2 / 3, 1, 0.55]),
        (InverseSqrt(warmup=0.25), [1 / 2, 1, 1 / sqrt(2), 1 / sqrt(3)]),
        (Constant(warmup=0.1), [1, 1, 1, 1]),  # less than half an update: none
    ],
    ids=str,
)
def test_values_of_four_updates(schedule: Schedule, expected: list[float]) -> None:
    assert factors(schedule, 4) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("schedule", mixed_experiments.SCHEDULES, ids=str)
@given(total=st.integers(1, 300), warmup=st.floats(0, 0.999))
def test_warmup_rises_to_1_at_once_and_then_it_only_falls(schedule: Any, total: int, warmup: float) -> None:
    kind = replace(schedule, warmup=warmup)
    values = factors(kind, total)
    updates = warmup_updates(kind, total)
    assert updates == min(round(warmup * total), total - 1)  # at least the last update is no warmup
    assert values[: updates + 1] == pytest.approx([t / (updates + 1) for t in range(1, updates + 2)])
    assert 0 < values[0] <= 1 == values[updates]
    assert all(later <= earlier for earlier, later in pairwise(values[updates:]))
    assert all(0 <= value <= 1 for value in values)


@pytest.mark.parametrize("kind", [Constant, Cosine, LinearDecay])
@given(total=st.integers(2, 300), warmup=st.floats(0, 0.7))
def test_continuous(kind: type, total: int, warmup: float) -> None:
    """No step is steeper than the warmup, or than half a cosine over what is left."""
    updates = round(warmup * total)
    steepest = max(1 / (updates + 1) if updates else 0, pi / 2 / (total - updates))
    values = factors(kind(warmup=warmup), total)
    assert all(abs(b - a) <= steepest + 1e-12 for a, b in pairwise(values))


@pytest.mark.parametrize("kind", [Constant, Step, Cosine, LinearDecay])
@given(total=st.integers(1, 20), fewer=st.integers(1, 16), warmup=st.sampled_from([0, 0.25, 0.5, 0.75]))
def test_means_the_same_at_every_batch_size(kind: type, total: int, fewer: int, warmup: float) -> None:
    """A batch of a sixteenth makes 16 times the updates; at the same share of training the factor is the same.

    While it rises, up to one update of the larger batch.
    """
    schedule = kind(warmup=warmup, **({"every": 0.25} if kind is Step else {}))
    large = factors(schedule, 4 * total)
    small = factors(schedule, 4 * total * fewer)
    first = warmup_updates(schedule, 4 * total)
    assert small[first * fewer :: fewer] == pytest.approx(large[first:], rel=1e-12)
    assert small[: first * fewer : fewer] == pytest.approx(large[:first], abs=1 / (first + 1))


def test_the_rise_is_that_of_pytorch_s_linear_lr() -> None:
    """LinearLR(start_factor=1 / 5, total_iters=4), by the recursion of its `get_lr`."""
    start, factor_now, theirs = 1 / 5, 1 / 5, [1 / 5]
    for t in range(1, 5):
        factor_now *= 1 + (1 - start) / (4 * start + (t - 1) * (1 - start))
        theirs.append(factor_now)
    assert factors(Constant(warmup=0.5), 8)[:5] == pytest.approx(theirs)
    assert theirs[-1] == pytest.approx(1)
