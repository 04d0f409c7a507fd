import math

import numpy as np
import pytest
from lrlab.scaling.linear_range import Pair, describe, pairs, valid_range

from lrlab.scaling.optimum import best_lrs
from lrlab.scaling.table import read
from tests.scaling.synthetic import BATCH_SIZES, RULES, Noise, table


def losing(lost: dict[tuple[int, int], float]) -> tuple[Pair, ...]:
    return tuple(Pair(small, large, value) for (small, large), value in lost.items())


def planted(rule: str) -> tuple[Pair, ...]:
    """Without noise, the loss rising by 3.5 % at a factor 4."""
    return pairs(best_lrs(read(table(np.random.default_rng(0), RULES[rule], Noise(0.0), rates=13)), 100, 0))


def test_every_pair_is_asked_once() -> None:
    found = [(pair.small, pair.large) for pair in planted("linear")]
    assert found == [
        (small, large) for small in BATCH_SIZES.tolist() for large in BATCH_SIZES.tolist() if small < large
    ]


def test_what_is_lost_is_the_height_of_the_curve_there() -> None:
    for pair in planted("square_root"):
        away = math.log(pair.large / pair.small) / 2  # of the predicted from the best
        if away < 1.5:
            assert pair.relative_regret == pytest.approx(0.035 * (away / math.log(4)) ** 2, rel=0.01)


@pytest.mark.parametrize(
    ("rule", "expected"),
    # 1 % is lost at 0.74 in ln lr: a factor 2.1. The square root is off by 2 over two octaves.
    [("linear", (32, 2048)), ("square_root", (32, 128)), ("flat", (32, 64)), ("saturating", (32, 256))],
)
def test_the_range_of_planted_rules(rule: str, expected: tuple[int, int]) -> None:
    assert valid_range(planted(rule), 0.01) == expected


def test_the_widest_range_needs_all_its_pairs() -> None:
    lost = {(32, 64): 0.0, (32, 128): 0.2, (32, 256): 0.0, (64, 128): 0.0, (64, 256): 0.0, (128, 256): 0.0}
    assert valid_range(losing(lost), 0.01) == (64, 256)
    assert valid_range(losing({**lost, (32, 128): 0.0}), 0.01) == (32, 256)
    assert valid_range(losing(dict.fromkeys(lost, 0.5)), 0.01) is None
    assert valid_range((), 0.01) is None


def test_of_equally_wide_ranges_the_lower_one_is_named() -> None:
    assert valid_range(losing({(32, 64): 0.0, (32, 128): 0.2, (64, 128): 0.0}), 0.01) == (32, 64)


def test_told() -> None:
    lost = losing({(32, 64): 0.0, (32, 128): 0.02, (64, 128): 0.034})
    assert describe(lost, (32, 64), 0.01) == (
        "the linear rule costs at most 0.01 of the loss between batch sizes 32 and 64; carried from 64 to 128 it "
        "costs 0.034"
    )
    assert describe(lost, (32, 128), 0.05).endswith("between batch sizes 32 and 128")
    assert describe(lost, None, 0.01).startswith("the linear rule costs more than 0.01")
