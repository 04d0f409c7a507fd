"""Optima with known noise in, verdict out."""

import math

import numpy as np
import pytest
from lrlab.scaling.model_selection import compare

from lrlab.scaling.estimate import Estimate
from lrlab.scaling.optimum import Optimum
from lrlab.scaling.power_law import PowerLaw
from lrlab.scaling.verdict import Verdict, decide, disqualifications
from tests.scaling.synthetic import BATCH_SIZES, RULES, VERDICTS


def verdict(best: np.ndarray, noise: float) -> tuple[Verdict, str]:
    law = PowerLaw.fit(np.log(BATCH_SIZES), [Estimate(float(x), noise, 4) for x in np.log(best)])
    return decide(law.exponent, compare(law.log_batch, law.optima))


@pytest.mark.parametrize("rule", RULES)
def test_sharp_optima_are_named_and_vague_ones_are_not(rule: str) -> None:
    assert verdict(RULES[rule], 0.03)[0] == VERDICTS[rule]
    vague, reason = verdict(RULES[rule], 1.0)
    assert vague == "cannot_tell"
    assert "too wide" in reason


@pytest.mark.parametrize("p", [-0.5, 0.25, 0.75, 1.4])
def test_other_power_laws_are_other(p: float) -> None:
    assert verdict(BATCH_SIZES**p, 0.03)[0] == "other"


def test_a_rise_that_turns_back_is_other() -> None:
    hill = np.exp(-((np.log(BATCH_SIZES) - 5.5) ** 2))
    found, reason = verdict(hill, 0.03)
    assert found == "other"
    assert "scatter" in reason


def test_a_scatter_nobody_cares_for_refutes_nothing() -> None:
    zigzag = 0.05 * (-1.0) ** np.arange(7)
    assert verdict(RULES["linear"] * np.exp(zigzag), 0.001)[0] == "linear"
    assert verdict(RULES["saturating"] * np.exp(zigzag), 0.001)[0] == "saturating"
    assert verdict(RULES["linear"] * np.exp(10 * zigzag), 0.001)[0] == "other"


def test_an_interval_that_merely_includes_one_is_not_linear() -> None:
    """0.9 with an interval of about +-0.2 includes 1 and excludes 1/2, but might as well be 0.8."""
    found, reason = verdict(BATCH_SIZES**0.9, 0.35)
    assert found == "cannot_tell"
    assert "0.90" in reason


def optimum(batch_size: int, *problems: str) -> Optimum:
    log_lr = Estimate(math.log(0.1), 0.1, 4)
    return Optimum(batch_size, None, log_lr, seeds=5, bracketed=True, diverged=0, problems=problems)


def test_sound_optima_are_not_refused() -> None:
    assert disqualifications(tuple(optimum(b) for b in (32, 64, 128, 256))) == []


def test_every_problem_is_a_reason_with_its_batch_size() -> None:
    sizes = tuple(optimum(b) for b in (32, 64, 128, 256))
    assert disqualifications((*sizes, optimum(512, "first", "second"))) == [
        "batch size 512: first",
        "batch size 512: second",
    ]


def test_fewer_than_four_remaining_batch_sizes_are_refused() -> None:
    reasons = disqualifications((optimum(32), optimum(64), optimum(128), optimum(256, "bad")))
    assert reasons[-1] == "3 batch sizes with a sound optimum remain, at least 4 are needed"
