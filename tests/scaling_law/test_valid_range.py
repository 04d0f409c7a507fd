import math

import numpy as np
import pytest

from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.loss_curve import LossCurve
from lrlab.scaling_law.optimum import Optimum
from lrlab.scaling_law.rule_probabilities import NONE, weigh
from lrlab.scaling_law.valid_range import Pair, describe, pairs, valid_range
from tests.scaling_law.synthetic import BATCH_SIZES, RULES

GRID = np.linspace(-12, 4, 1601)
RISE = 0.035 / math.log(4) ** 2


def optima(rule: str, spread: float = 0.0, level: float = 1.75) -> list[Optimum]:
    """Parabolas that rise by 3.5 % at a factor 4, about optima that are known up to this deviation."""
    found = []
    for batch_size, best in zip(BATCH_SIZES.astype(int).tolist(), np.log(RULES[rule](BATCH_SIZES)), strict=True):
        centres = best + spread * np.random.default_rng(0).standard_normal((500, 1))
        curve = LossCurve(GRID, level + abs(level) * RISE * (GRID - centres) ** 2, 0.0, 4.0, GRID[::100])
        found.append(Optimum(batch_size, curve, None, seeds=3, diverged=0, problem=""))
    return found


def holding(probabilities: dict[tuple[int, int], float]) -> tuple[Pair, ...]:
    return tuple(Pair(small, large, 0.01, p) for (small, large), p in probabilities.items())


def test_every_pair_that_has_curves_is_asked_once() -> None:
    found = [(pair.small, pair.large) for pair in pairs(optima("linear"), None, 0.01)]
    sizes = BATCH_SIZES.astype(int).tolist()
    assert found == [(small, large) for small in sizes for large in sizes if small < large]
    unknown = Optimum(16, None, None, seeds=3, diverged=3, problem="all diverged")
    assert len(pairs([unknown, *optima("linear")], None, 0.01)) == len(found)


def test_what_is_lost_is_the_height_of_the_curve_there() -> None:
    for pair in pairs(optima("square_root"), None, 0.01):
        away = math.log(pair.large / pair.small) / 2  # of the predicted from the best
        assert pair.relative_regret == pytest.approx(RISE * away**2, abs=1e-3)  # the step of the grid
        assert pair.probability == (pair.relative_regret <= 0.01)


def test_the_loss_is_relative_to_the_least_whatever_its_sign() -> None:
    for level in (-3.0, 1e-6, 1e6):
        for pair, usual in zip(
            pairs(optima("constant", level=level), None, 0.01), pairs(optima("constant"), None, 0.01), strict=True
        ):
            assert pair.relative_regret == pytest.approx(usual.relative_regret)


def test_optima_known_badly_cost_what_both_err() -> None:
    """The mean square of the difference of two independent optima is 2 · 0.5²."""
    for pair in pairs(optima("linear", spread=0.5), None, 0.01):
        assert pair.relative_regret == pytest.approx(RISE * 2 * 0.5**2, rel=0.25)
        assert 0.5 < pair.probability < 0.95  # P(|difference| <= 0.74)


@pytest.mark.parametrize(
    ("rule", "expected"),
    # 1 % is lost at 0.74 in ln lr: a factor 2.1. The square root is off by 2 over two octaves.
    [("linear", (32, 2048)), ("square_root", (32, 128)), ("constant", (32, 64)), ("saturating", (32, 256))],
)
def test_the_range_of_planted_rules(rule: str, expected: tuple[int, int]) -> None:
    assert valid_range(pairs(optima(rule), None, 0.01)) == expected


def test_of_optima_that_are_hardly_known_no_range_is_sure() -> None:
    assert valid_range(pairs(optima("linear", spread=1.0), None, 0.01)) is None


def test_the_rules_tell_how_far_off_a_carried_learning_rate_is() -> None:
    """Optima that err by 0.4 each, one draw of them each, are known better together."""
    known = optima("square_root", spread=0.4)
    log_batch = np.log(BATCH_SIZES)
    rules = weigh(log_batch, [Estimate(best, 0.2, math.inf) for best in log_batch / 2])

    def error(told: tuple[Pair, ...]) -> float:
        away = [math.log(pair.large / pair.small) / 2 for pair in told]
        return float(np.mean([abs(pair.relative_regret - RISE * a**2) for pair, a in zip(told, away, strict=True)]))

    assert error(pairs(known, rules, 0.01)) < 0.7 * error(pairs(known, None, 0.01))


def test_where_no_rule_fits_the_optima_are_asked() -> None:
    log_batch = np.log(BATCH_SIZES)
    zigzag = [Estimate(0.5 * (-1) ** i, 0.01, math.inf) for i in range(len(log_batch))]
    rules = weigh(log_batch, zigzag)
    assert rules.probability[NONE] > 0.99
    assert pairs(optima("linear"), rules, 0.01) == pairs(optima("linear"), None, 0.01)


def test_the_widest_range_needs_all_its_pairs() -> None:
    sure = {(32, 64): 1.0, (32, 128): 0.94, (32, 256): 1.0, (64, 128): 0.95, (64, 256): 0.99, (128, 256): 1.0}
    assert valid_range(holding(sure)) == (64, 256)
    assert valid_range(holding({**sure, (32, 128): 0.95})) == (32, 256)
    assert valid_range(holding(dict.fromkeys(sure, 0.9))) is None
    assert valid_range(()) is None


def test_of_equally_wide_ranges_the_lower_one_is_named() -> None:
    assert valid_range(holding({(32, 64): 1.0, (32, 128): 0.5, (64, 128): 1.0})) == (32, 64)


def test_told() -> None:
    tested = (Pair(32, 64, 0.001, 1.0), Pair(32, 128, 0.034, 0.2), Pair(64, 128, 0.02, 0.4))
    assert describe(tested, (32, 64), 0.01) == (
        "the linear rule costs at most 0.01 of the loss between batch sizes 32 and 64 (95 % for each pair); carried "
        "from 32 to 128 it costs 0.034 on average, at most 0.01 with a probability of 0.20"
    )
    assert describe(tested, (32, 128), 0.05).endswith("between batch sizes 32 and 128 (95 % for each pair)")
    assert describe(tested, None, 0.01).startswith("between no two batch sizes does the linear rule surely")
