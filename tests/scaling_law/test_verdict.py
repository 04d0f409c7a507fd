"""Optima with known noise in, verdict out."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.optimum import Optimum
from lrlab.scaling_law.power_law import PowerLaw
from lrlab.scaling_law.rule_probabilities import NONE, RuleProbabilities, weigh
from lrlab.scaling_law.rules import RULES as RULE_NAMES
from lrlab.scaling_law.rules import RuleName
from lrlab.scaling_law.verdict import Verdict, decide, disqualification
from tests.scaling_law.synthetic import BATCH_SIZES, RIGHT, RULES


def verdict(best: np.ndarray, noise: float) -> tuple[Verdict, str]:
    optima = [Estimate(float(x), noise, 20) for x in np.log(best)]
    log_batch = np.log(BATCH_SIZES)
    return decide(PowerLaw.fit(log_batch, optima).exponent, weigh(log_batch, optima))


@pytest.mark.parametrize("rule", RULES)
def test_sharp_optima_get_a_verdict_and_vague_ones_do_not(rule: str) -> None:
    best = RULES[rule](BATCH_SIZES)
    assert verdict(best, 0.03)[0] in RIGHT[rule]
    assert verdict(best, 1.0)[0] == "cannot_tell"


@pytest.mark.parametrize("rule", RULES)
def test_noise_of_any_size_makes_no_verdict_wrong(rule: str) -> None:
    best, rng, wrong = RULES[rule](BATCH_SIZES), np.random.default_rng(0), 0
    for noise in np.repeat([0.05, 0.1, 0.2, 0.4], 10):
        found = verdict(best * np.exp(noise * rng.standard_normal(len(best))), float(noise))[0]
        wrong += found not in RIGHT[rule] | {"cannot_tell"}
    assert wrong <= 4


@pytest.mark.parametrize("p", [-0.5, 0.25, 0.75, 1.4])
def test_other_exponents_are_a_power_law(p: float) -> None:
    found, reason = verdict(BATCH_SIZES**p, 0.03)
    assert found == "power_law"
    assert f"exponent {p:.2f}" in reason


@pytest.mark.parametrize(("p", "named"), [(1.0, "linear"), (0.5, "square_root"), (0.0, "constant")])
def test_an_exponent_is_named_if_its_whole_interval_lies_near(p: float, named: str) -> None:
    assert verdict(BATCH_SIZES ** (p + 0.05), 0.05)[0] == named
    assert verdict(BATCH_SIZES ** (p + 0.12), 0.15)[0] != named


def test_a_rise_that_turns_back_is_other() -> None:
    found, reason = verdict(np.exp(-((np.log(BATCH_SIZES) - 5.5) ** 2)), 0.03)
    assert found == "other"
    assert "none of the known rules" in reason


def test_a_scatter_nobody_cares_for_refutes_nothing() -> None:
    zigzag = 0.05 * (-1.0) ** np.arange(7)
    assert verdict(RULES["linear"](BATCH_SIZES) * np.exp(zigzag), 0.05)[0] == "linear"
    assert verdict(RULES["linear"](BATCH_SIZES) * np.exp(10 * zigzag), 0.05)[0] == "other"


def test_an_interval_that_merely_includes_one_is_not_linear() -> None:
    """0.9 with an interval of about +-0.2 includes 1 and excludes 1/2, but might as well be 0.8."""
    found, reason = verdict(BATCH_SIZES**0.9, 0.35)
    assert found == "cannot_tell"
    assert "0.90" in reason


def certain(name: RuleName, log_lr: np.ndarray) -> RuleProbabilities:
    """Rules as fitted to optima known up to 0.1, but one of them said to be certain."""
    rules = weigh(np.log(BATCH_SIZES), [Estimate(float(x), 0.1, 20) for x in log_lr])
    return replace(rules, probability={**dict.fromkeys(rules.probability, 0.0), name: 1.0})


@pytest.mark.parametrize(
    ("exponent", "expected"),
    [
        (Estimate(0.75, 0.02, 100), "power_law"),
        (Estimate(0.75, 0.20, 100), "cannot_tell"),
        (Estimate(0.84, 0.07, 100), "cannot_tell"),  # 1 is out of the 95 % interval, but not of that of 99 %
        (Estimate(0.95, 0.04, 100), "linear"),
        (Estimate(0.95, 0.07, 100), "cannot_tell"),
    ],
)
def test_a_certain_power_law_is_named_by_its_exponent(exponent: Estimate, expected: str) -> None:
    assert decide(exponent, certain("power_law", 0.75 * np.log(BATCH_SIZES)))[0] == expected


@pytest.mark.parametrize("name", RULE_NAMES)
def test_a_rule_that_does_not_fit_is_not_named_however_probable(name: RuleName) -> None:
    zigzag = (-1.0) ** np.arange(7)
    assert decide(Estimate(1.0, 0.02, 100), certain(name, zigzag))[0] not in {name, "linear"}


def test_a_curve_that_levels_off_somehow_is_flattening() -> None:
    """Halfway between the smooth and the sharp knee."""
    best = np.sqrt(RULES["saturating"](BATCH_SIZES) / 0.06 * RULES["capped"](BATCH_SIZES) / 0.08)
    found, reason = verdict(best, 0.15)
    assert found == "flattening"
    assert "saturating" in reason
    assert "capped" in reason


def test_the_reason_names_the_knee() -> None:
    found, reason = verdict(RULES["saturating"](BATCH_SIZES), 0.03)
    assert found == "saturating"
    assert "levels off smoothly, about a batch size of 2" in reason


def test_the_reason_of_no_verdict_names_the_candidates() -> None:
    found, reason = verdict(RULES["saturating"](BATCH_SIZES), 0.8)
    assert found == "cannot_tell"
    assert "saturating 0." in reason
    assert NONE not in reason.split()


def optimum(batch_size: int, problem: str = "") -> Optimum:
    return Optimum(batch_size, None, Estimate(math.log(0.1), 0.1, 4), seeds=5, diverged=0, problem=problem)


def test_four_sound_optima_are_enough_whatever_others_there_are() -> None:
    sound = tuple(optimum(b) for b in (32, 64, 128, 256))
    assert disqualification(sound) == ""
    assert disqualification((*sound, optimum(512, "a problem"))) == ""


def test_fewer_than_four_sound_optima_are_refused() -> None:
    reason = disqualification((optimum(32), optimum(64), optimum(128), optimum(256, "bad")))
    assert reason == "the best learning rate is known at 3 batch sizes, at least 4 are needed"
