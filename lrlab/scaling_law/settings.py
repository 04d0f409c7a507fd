"""Several settings, such as depths and widths, with optima of their own and one exponent in common.

    pooled = pool({(2, 64): table, (4, 64): table}, ("depth", "width"))
    pooled.verdict, pooled.exponent, pooled.sizes

Each setting has a learning rate of its own at every batch size. How rough the loss curves are is learned from all
settings together. Their exponents are pooled as estimates that may truly differ (`random_effects`); so are the best
learning rates, as a level of the setting and an effect of the batch size, on which the rules are weighed. A rule that
is within `MATERIAL` of the effects holds: many settings tell differences that no training would notice.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from lrlab.scaling_law import random_effects
from lrlab.scaling_law.analysis import ScalingAnalysis, analyse_optima
from lrlab.scaling_law.curve_fit import fit
from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.optimum import Optimum, assessed
from lrlab.scaling_law.random_effects import RandomEffects
from lrlab.scaling_law.rule_probabilities import RuleProbabilities, weigh
from lrlab.scaling_law.rules import RuleName
from lrlab.scaling_law.setting_fit import alike, exponent_errors, interpolation_error, scatter, setting_fit, split
from lrlab.scaling_law.size_effects import SizeEffect, size_effects
from lrlab.scaling_law.table import Table
from lrlab.scaling_law.verdict import EXPONENT_MARGIN, MIN_BATCH_SIZES, Verdict, decide

Values = tuple[Any, ...]

MATERIAL: Final = 0.035  # of ln lr, so that a rule holds if it is within 7 %
TYPICAL_SPREAD: Final = 0.2  # of the exponents of settings, a guess before they are seen
TYPICAL_SCATTER: Final = 0.2  # of ln lr about the level of its setting and the effect of its batch size
MIN_SHARE: Final = 0.5  # of the settings, whose exponents must be known: those that are may have been lucky
MIN_OF_EFFECT: Final = 2  # settings that must know the best learning rate of a batch size
DRAWS: Final = (100, 1000)  # of each curve: fewest and most ...
ALL_DRAWS: Final = 30_000  # ... and of all together


@dataclass(frozen=True)
class PooledAnalysis:
    """How the best learning rate moves with the batch size in several settings.

    Attributes:
        study: name of what was analysed.
        by: what the settings differ in.
        settings: values of `by` -> the analysis of the setting alone.
        verdict, reasons: the answer for all settings.
        exponent: what the exponents have in common; None if fewer than two are known.
        best_lrs: batch size -> ln of its best learning rate at the mean level of the settings.
        rules: the known rules with their probabilities, on those; None if they are fewer than three.
        sizes: how exponent and optimum move with each size among `by`.
    """

    study: str
    by: tuple[str, ...]
    settings: Mapping[Values, ScalingAnalysis]
    verdict: Verdict
    reasons: tuple[str, ...]
    exponent: RandomEffects | None = None
    best_lrs: Mapping[int, Estimate] | None = None
    rules: RuleProbabilities | None = None
    sizes: tuple[SizeEffect, ...] = ()

    @property
    def reading(self) -> RuleName | None:
        """The most probable rule, however little it is ahead."""
        return self.rules.best.name if self.rules else None

    def _at(self, size: int, best: Estimate) -> dict[str, Any]:
        """Return what is known of one batch size, with the keys of a single setting's."""
        optima = [one for each in self.settings.values() for one in each.optima if one.batch_size == size]
        return {
            "batch_size": size,
            "best_lr": math.exp(best.value),
            "best_lr_ci": [math.exp(end) for end in best.interval()],
            "loss": None,
            "seeds": max(one.seeds for one in optima),
            "bracketed": True,
            "diverged": sum(one.diverged for one in optima),
            "problems": [],
        }

    def to_dict(self) -> dict[str, Any]:
        """As JSON, with the keys of a single setting's answer; what is not known of all settings is None."""
        mean = self.exponent.coefficients[0] if self.exponent else None
        return {
            "study": self.study,
            "exponent": mean.value if mean else None,
            "exponent_ci": list(mean.interval()) if mean else None,
            "reading": self.reading,
            "probabilities": dict(self.rules.probability) if self.rules else None,
            "holds_from": None,
            "holds_to": None,
            "noise_scale": None,
            "per_batch_size": [self._at(size, best) for size, best in (self.best_lrs or {}).items()],
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "heterogeneity": self.exponent.to_dict() if self.exponent else None,
            "sizes": [size.to_dict() for size in self.sizes],
            "settings": [
                {"setting": dict(zip(self.by, values, strict=True)), **_short(analysis)}
                for values, analysis in self.settings.items()
            ],
        }


def pool(tables: Mapping[Values, Table], by: Sequence[str], *, study: str = "", rng_seed: int = 0) -> PooledAnalysis:
    """Analyse the tables of several settings together.

    Args:
        tables: values of `by` -> the trials of the setting.
        by: what the settings differ in.
        study: handed through to the result.
        rng_seed: of the draws.
    """
    optima = optima_of(list(tables.values()), rng_seed)
    return combine(dict(zip(tables, map(analyse_optima, optima), strict=True)), by, study=study)


def combine(analyses: Mapping[Values, ScalingAnalysis], by: Sequence[str], *, study: str = "") -> PooledAnalysis:
    """Return what the analyses of several settings tell together; see `pool`."""
    known = {values: fitted for values, analysis in analyses.items() if (fitted := setting_fit(analysis))}
    pooled = PooledAnalysis(study, tuple(by), analyses, "cannot_tell", ())
    if len(known) < 2:
        reason = (
            f"the exponent is known in {len(known)} of {len(analyses)} settings, at least 2 are needed to pool them"
        )
        return replace(pooled, reasons=(reason, *_problems(analyses)))
    fits = list(known.values())
    exponents = np.array([each.law.exponent.value for each in fits])
    factor = random_effects.log_factor_of(*scatter(fits))
    found = random_effects.fit(exponents, exponent_errors(fits), typical=TYPICAL_SPREAD, log_factor=factor)
    best_lrs = _pooled_best_lrs(list(analyses.values()), found, float(alike(fits).mean()))
    rules = _weigh(best_lrs) if len(best_lrs) > 2 else None
    verdict, reasons = _decide(found, rules, len(best_lrs))
    if len(known) < len(analyses):
        reasons.append(f"{len(analyses) - len(known)} of {len(analyses)} settings know too few best learning rates")
    if len(known) < MIN_SHARE * len(analyses):
        verdict, reasons = "cannot_tell", [f"{reasons.pop()}, and the others may not be like them", *reasons]
    return replace(
        pooled,
        verdict=verdict,
        reasons=tuple(reasons),
        exponent=found,
        best_lrs=best_lrs,
        rules=rules,
        sizes=size_effects(by, known),
    )


def optima_of(tables: Sequence[Table], rng_seed: int) -> list[tuple[Optimum, ...]]:
    """Return the optimum of every batch size of every table, the roughness of their curves learned together."""
    parts = [(place, table.at(size)) for place, table in enumerate(tables) for size in np.unique(table.batch_size)]
    draws = int(np.clip(ALL_DRAWS // len(parts), *DRAWS))
    curves = fit([part for _, part in parts], draws, np.random.default_rng(rng_seed), [place for place, _ in parts])
    optima: list[list[Optimum]] = [[] for _ in tables]
    for (place, part), curve in zip(parts, curves, strict=True):
        optima[place].append(assessed(part, curve))
    return [tuple(each) for each in optima]


def _pooled_best_lrs(analyses: Sequence[ScalingAnalysis], found: RandomEffects, shared: float) -> dict[int, Estimate]:
    """Return batch size -> ln of its best learning rate at the mean level of the settings, of those that are linked.

    Args:
        analyses: of the settings.
        found: for the factor of the errors.
        shared: how much of the errors of interpolation the settings have in common, 0 to 1.
    """
    sound = [{one.batch_size: one for one in analysis.optima if one.is_bracketed} for analysis in analyses]
    counts = Counter(size for each in sound if len(each) > 1 for size in each)
    sizes = sorted(size for size, count in counts.items() if count >= MIN_OF_EFFECT)
    rows = [[each.get(size) for size in sizes] for each in sound]
    rows = [row for row in rows if sum(one is not None for one in row) > 1]
    if len(sizes) < 2 or not rows:
        return {}
    y, noise, interpolation = np.array([[_parts(one) for one in row] for row in rows]).transpose(2, 0, 1)
    own = math.sqrt(found.factor) * np.hypot(noise, interpolation)
    fitted = random_effects.fit_two_way(y, own, typical=TYPICAL_SCATTER)
    if fitted is None:
        return {}
    errors = np.hypot(fitted.errors, math.sqrt(shared) * np.sqrt(np.nanmean(interpolation**2, axis=0)))
    return {
        size: Estimate(float(value), float(error), random_effects.NORMAL)
        for size, value, error in zip(sizes, fitted.effects, errors, strict=True)
    }


def _parts(optimum: Optimum | None) -> tuple[float, float, float]:
    """Return ln of the best learning rate, and its errors for noise and interpolation; NaN where it is not known."""
    if optimum is None or optimum.log_lr is None or optimum.curve is None:
        return math.nan, math.nan, math.nan
    return optimum.log_lr.value, *split(optimum.log_lr, interpolation_error(optimum, optimum.curve))


def _weigh(best_lrs: Mapping[int, Estimate]) -> RuleProbabilities:
    coarse = [replace(best, standard_error=math.hypot(best.standard_error, MATERIAL)) for best in best_lrs.values()]
    return weigh(np.log(list(best_lrs)), coarse)


def _decide(found: RandomEffects, rules: RuleProbabilities | None, sizes: int) -> tuple[Verdict, list[str]]:
    mean = found.coefficients[0]
    spread = found.describe()
    low, high = mean.interval()
    if rules is None or sizes < MIN_BATCH_SIZES:
        few = f"the best learning rate is known at {sizes} batch sizes, at least {MIN_BATCH_SIZES} are needed"
        return "cannot_tell", [f"{few}; exponent {mean.value:.2f} [{low:.2f}, {high:.2f}] on average", spread]
    verdict, reason = decide(mean, rules)
    if verdict != "cannot_tell" and found.tau > EXPONENT_MARGIN:
        reason = f"{reason}; so on average, not in every setting"
    return verdict, [reason, spread]


def _problems(analyses: Mapping[Values, ScalingAnalysis]) -> list[str]:
    """Return the reasons of the first setting that knows too little, as an example."""
    return [reason for analysis in list(analyses.values())[:1] for reason in analysis.reasons[:3]]


def _short(analysis: ScalingAnalysis) -> dict[str, Any]:
    """Return the answer of one setting, without what the table of all settings has."""
    answer = analysis.to_dict()
    return {key: answer[key] for key in ("exponent", "exponent_ci", "reading", "verdict", "reasons", "per_batch_size")}
