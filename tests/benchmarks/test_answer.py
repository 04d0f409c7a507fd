"""How long a search took to find what the exhaustive one found, and what counts if it never did."""

import pytest

from benchmarks.figures.answer import _found, seconds_until
from benchmarks.store import Logged
from benchmarks.systems.system import Outcome
from benchmarks.table import result
from benchmarks.workloads import Sweep

WORK = Sweep("linear", trials=2, epochs=2)
BEGAN = 1000.0


def outcome(found_after: float | None, seconds: float = 50.0) -> Outcome:
    """A search of two trials, of which one reaches 1.0 after so many seconds."""
    end = 1.0 if found_after is not None else 2.0
    runs = [
        Logged("KILLED", {}, {}, [BEGAN + 1], [3.0], 9),
        Logged("FINISHED", {}, {}, [BEGAN + 2, BEGAN + (found_after or 40)], [2.5, end], 18),
    ]
    return Outcome(BEGAN, seconds, 0.0, runs)


@pytest.mark.parametrize(("loss", "expected"), [(1.0, 30.0), (2.5, 2.0), (3.5, 1.0), (0.9, None)])
def test_found_is_the_first_loss_that_is_logged_as_low(loss: float, expected: float | None) -> None:
    assert seconds_until(outcome(30.0), loss) == expected


def test_ratio_is_of_the_times_until_found() -> None:
    outcomes = {"lrlab": [outcome(3.0), outcome(5.0), outcome(4.0)], "a peer": [outcome(40.0), outcome(32.0)] * 3}
    (found,) = _found(WORK, outcomes, 1.0)
    assert (found.ours, found.result, found.met) == ([3.0, 5.0, 4.0], 9.0, True)
    assert not found.is_lower_bound


def test_search_that_never_finds_it_counts_as_long_as_it_lasted_and_longer() -> None:
    never = [outcome(None, 20.0), outcome(None, 60.0), outcome(8.0, 90.0)]
    (found,) = _found(WORK, {"lrlab": [outcome(4.0)] * 3, "a peer": never}, 1.0)
    assert found.theirs == [90.0, 90.0, 8.0]
    assert found.at == {"never found": {"lrlab": 0, "a peer": 2}}
    assert found.is_lower_bound
    assert result(found) == "over 22.50 x"


@pytest.mark.parametrize("ours", [[outcome(None)], [outcome(3.0), outcome(None)], [outcome(None)] * 3])
def test_lrlab_is_not_fast_where_it_never_finds_it(ours: list[Outcome]) -> None:
    assert _found(WORK, {"lrlab": ours, "a peer": [outcome(40.0)] * len(ours)}, 1.0) == []
