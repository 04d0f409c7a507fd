"""What may be concluded from the best learning rates, and what may not."""

import math
from typing import Final, Literal

from lrlab.analysis.scaling.estimate import Estimate
from lrlab.analysis.scaling.model_selection import MIN_P_VALUE, FittedRule, RuleComparison
from lrlab.analysis.scaling.optimum import Optimum

Verdict = Literal["linear", "square_root", "saturating", "other", "cannot_tell"]

MIN_BATCH_SIZES: Final = 4
EXPONENT_MARGIN: Final = 0.15  # an exponent is called 1, 1/2 or 0 if its whole 95 % interval lies so near to that
MIN_AIC_DIFFERENCE: Final = 2 * math.log(20.0)  # difference in AIC that decides between saturation and a power law
NEGLIGIBLE_SCATTER: Final = 0.10  # standard deviation of ln(lr) about a reading that does not refute it


def disqualifications(optima: tuple[Optimum, ...]) -> list[str]:
    """Return why the trials allow no conclusion whatever their numbers say; empty if they allow one."""
    reasons = [f"batch size {one.batch_size}: {problem}" for one in optima for problem in one.problems]
    sound = sum(not one.problems for one in optima)
    if sound < MIN_BATCH_SIZES:
        reasons.append(f"{sound} batch sizes with a sound optimum remain, at least {MIN_BATCH_SIZES} are needed")
    return reasons


def decide(exponent: Estimate, readings: RuleComparison) -> tuple[Verdict, str]:
    """Return the verdict on sound optima, and the reason for it.

    An exponent is called 1, 1/2 or 0 only if its whole 95 % interval lies near, since an interval that merely
    includes 1 may be wide for want of trials. It is called something else if its 99 % interval excludes all three.
    """
    power_law, saturating = readings.power_law, readings.saturating
    no_power_law, no_saturation = is_rejected(power_law, readings.seeds), is_rejected(saturating, readings.seeds)
    gain = power_law.aic(readings.noise) - saturating.aic(readings.noise)  # of saturation over any power law
    low, high = exponent.interval()
    found = f"exponent {exponent.value:.2f} [{low:.2f}, {high:.2f}]"

    if no_power_law and no_saturation:
        scatter = min(power_law.residual_std.standard_error, saturating.residual_std.standard_error)
        return "other", f"the best learning rates scatter by {scatter:.0%} about the nearest power law and saturation"
    if is_near(1.0, exponent) and not no_power_law:
        return "linear", f"{found} lies within {EXPONENT_MARGIN} of 1"
    if is_near(0.0, exponent) and not no_power_law:
        return "other", f"{found}: the best learning rate does not move with the batch size"
    if gain >= MIN_AIC_DIFFERENCE and not no_saturation:
        scale = "{:.3g} [{:.3g}, {:.3g}]".format(readings.saturation.batch_noise, *readings.batch_noise)
        return "saturating", (
            f"the best learning rate flattens about a batch size of {scale}; "
            f"AIC is {gain:.1f} below that of any power law"
        )
    if gain <= -MIN_AIC_DIFFERENCE and not no_power_law:
        against = f"AIC is {-gain:.1f} below that of saturation"
        if is_near(0.5, exponent):
            return "square_root", f"{found} lies within {EXPONENT_MARGIN} of 1/2; {against}"
        if not any(contains(p, exponent) for p in (0.0, 0.5, 1.0)):
            return "other", f"{found}: a power law, but neither linear nor square root; {against}"
    return "cannot_tell", (
        f"intervals are too wide to separate the readings: {found}; AIC of saturation and of the best power law "
        f"differ by {abs(gain):.1f} where {MIN_AIC_DIFFERENCE:.1f} would decide; more seeds would narrow them"
    )


def is_near(p: float, exponent: Estimate) -> bool:
    """Return whether the 95 % interval lies within `EXPONENT_MARGIN` of p."""
    low, high = exponent.interval()
    return p - EXPONENT_MARGIN <= low and high <= p + EXPONENT_MARGIN


def contains(p: float, exponent: Estimate) -> bool:
    """Return whether p lies in the 99 % interval."""
    low, high = exponent.interval(0.99)
    return low <= p <= high


def is_rejected(reading: FittedRule, seeds: Estimate) -> bool:
    """Return whether the optima scatter about a reading by more than the seeds explain and than is negligible."""
    return reading.p_value(seeds) < MIN_P_VALUE and reading.residual_std.standard_error > NEGLIGIBLE_SCATTER
