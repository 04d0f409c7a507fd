"""What may be concluded from the best learning rates, and what may not."""

import math
from typing import Final, Literal

from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.optimum import Optimum
from lrlab.scaling_law.rule_probabilities import NONE, RuleProbabilities
from lrlab.scaling_law.rules import RULES, RuleName

Verdict = Literal["constant", "square_root", "linear", RuleName, "flattening", "other", "cannot_tell"]

MIN_BATCH_SIZES: Final = 4
MIN_PROBABILITY: Final = 0.95
EXPONENT_MARGIN: Final = 0.15  # an exponent is called 1, 1/2 or 0 if its whole 95 % interval lies so near to that
NAMED: Final[dict[float, Verdict]] = {1.0: "linear", 0.5: "square_root", 0.0: "constant"}
FLATTENING: Final[tuple[RuleName, ...]] = ("saturating", "square_root_saturating", "capped", "square_root_capped")
KNEES: Final[dict[RuleName, str]] = {
    "saturating": "grows in proportion to the batch size, then levels off smoothly",
    "square_root_saturating": "grows with the square root of the batch size, then levels off smoothly",
    "surge": "grows with the square root of the batch size, then falls again",
    "capped": "grows in proportion to the batch size up to a cap",
    "square_root_capped": "grows with the square root of the batch size up to a cap",
}


def disqualification(optima: tuple[Optimum, ...]) -> str:
    """Return why the trials allow no conclusion whatever their numbers say; empty if they allow one."""
    sound = sum(optimum.is_bracketed for optimum in optima)
    if sound >= MIN_BATCH_SIZES:
        return ""
    return f"the best learning rate is known at {sound} batch sizes, at least {MIN_BATCH_SIZES} are needed"


def decide(exponent: Estimate, rules: RuleProbabilities) -> tuple[Verdict, str]:
    """Return the verdict on sound optima, and the reason for it.

    A rule is named if its probability is at least 95 % and it fits. A power law is called linear, square root or
    constant only if the whole 95 % interval of its exponent lies near, since an interval that merely includes 1 may be
    wide for want of trials; and "power law" if the 99 % interval excludes all three. If the learning rate levels off
    for sure, but how is not, that is said.
    """
    low, high = exponent.interval()
    found = f"exponent {exponent.value:.2f} [{low:.2f}, {high:.2f}]"
    probable = [name for name in RULES if rules.probability[name] >= MIN_PROBABILITY and rules.fits_well(name)]
    if probable == ["power_law"]:
        for p, name in NAMED.items():
            if p - EXPONENT_MARGIN <= low and high <= p + EXPONENT_MARGIN:
                return name, f"{found} lies within {EXPONENT_MARGIN} of {p:g}"
        if not any(_contains(p, exponent) for p in NAMED):
            return "power_law", f"{found}: a power law, but neither linear nor square root nor constant"
        return "cannot_tell", f"a power law, but its exponent is not known closely enough: {found}"
    if probable:
        (name,) = probable
        knee, ends = rules.fits[name].best.parameter, rules.fits[name].interval()
        size = f"{math.exp(knee):.3g} [{math.exp(ends[0]):.3g}, {math.exp(ends[1]):.3g}]"
        said = f"the best learning rate {KNEES[name]}, about a batch size of {size}"
        return name, f"{said} (probability {rules.probability[name]:.2f}); on average {found}"
    if rules.probability[NONE] >= MIN_PROBABILITY:
        return "other", f"none of the known rules fits the best learning rates; on average {found}"
    if sum(rules.probability[name] for name in FLATTENING) >= MIN_PROBABILITY:
        return "flattening", f"the best learning rate levels off; how is open: {_candidates(rules)}; on average {found}"
    return "cannot_tell", f"several rules remain: {_candidates(rules)}; {found}"


def _contains(p: float, exponent: Estimate) -> bool:
    """Return whether p lies in the 99 % interval."""
    low, high = exponent.interval(0.99)
    return low <= p <= high


def _candidates(rules: RuleProbabilities) -> str:
    """Return the rules that may hold, with their probabilities."""
    ranked = sorted(rules.probability.items(), key=lambda pair: -pair[1])
    named = [f"{name.replace('_', ' ')} {p:.2f}" for name, p in ranked if p >= 1 - MIN_PROBABILITY]
    return ", ".join(named).replace(NONE, "none of the known")
