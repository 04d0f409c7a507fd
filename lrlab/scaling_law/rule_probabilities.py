"""How probable is each rule, given the best learning rates?

Bayes' theorem over the rules of `rules` and "none of these". The likelihood of a rule is integrated over its level
(flat) and its parameter: exponents from -1/2 to 7/4 are alike, and so are all ln B_knee within what was tried, where a
knee can be seen. "None of these" is a power law with a bend (a normal term in (ln B)²), or with scatter about it, of
any size that matters; so a rule that does not fit gives way to it. Evidence of 20 to 1 for the wrong one of two
rules is seen with probability 1/20 at most (Royall 1997, "Statistical Evidence").
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from lrlab.scaling_law.estimate import Estimate
from lrlab.scaling_law.rules import (
    EXPONENTS,
    KNEE_SHAPES,
    RULES,
    FittedRule,
    RuleFits,
    RuleName,
    fit,
    integrate_level,
    normal_errors,
    shape,
)
from lrlab.scaling_law.table import FloatArray

NONE: Final = "none"
PRIOR: Final[Mapping[RuleName | str, float]] = {
    "power_law": 0.45,
    "saturating": 0.18,
    "square_root_saturating": 0.10,
    "surge": 0.08,
    "capped": 0.08,
    "square_root_capped": 0.06,
    NONE: 0.05,
}
SCATTERS: Final = np.geomspace(0.1, 0.8, 7)  # standard deviations of ln lr about a power law
BENDS: Final = np.linspace(-0.5, 0.5, 41)  # coefficients of (ln B)²
TYPICAL_BEND: Final = 0.15
MIN_P_VALUE: Final = 0.01  # below it the errors do not explain the scatter about a rule


@dataclass(frozen=True)
class RuleProbabilities:
    """The rules with their probabilities.

    Attributes:
        fits: every rule at each value of its parameter.
        probability: of every rule, and of `NONE`.
        optima: how many were fitted.
    """

    fits: Mapping[RuleName, RuleFits]
    probability: Mapping[RuleName | str, float]
    optima: int

    @property
    def best(self) -> FittedRule:
        """Return the most probable rule."""
        return self.fits[max(RULES, key=lambda name: self.probability[name])].best

    @property
    def best_knee(self) -> FittedRule:
        """Return the most probable rule that is no power law."""
        return self.fits[max(KNEE_SHAPES, key=lambda name: self.probability[name])].best

    def draw(self, log_batch: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
        """Return ln lr less a level (D, m) at ln of m batch sizes: of rules and parameters drawn by probability."""
        weights = np.concatenate([self.probability[name] * self.fits[name].weights for name in RULES])
        curves = np.concatenate([shape(name, self.fits[name].parameters[:, None], log_batch) for name in RULES])
        drawn: FloatArray = curves[rng.choice(len(curves), size=draws, p=weights / weights.sum())]
        return drawn

    def fits_well(self, name: RuleName) -> bool:
        """Return whether the errors explain the scatter of the optima about a rule."""
        return bool(special.chdtrc(self.optima - 2, self.fits[name].best.chi_square) >= MIN_P_VALUE)


def weigh(log_batch: FloatArray, optima: list[Estimate]) -> RuleProbabilities:
    """Fit and weigh all rules.

    Args:
        log_batch: (m,) ln of the batch sizes, in rising order, m >= 3.
        optima: the m optima, ln of the learning rate.
    """
    log_lr, error = np.array([optimum.value for optimum in optima]), normal_errors(optima)
    fits = {name: fit(name, log_batch, log_lr, error) for name in RULES}
    evidence: dict[RuleName | str, float] = {name: _log_mean(fits[name].log_evidence) for name in RULES}
    evidence[NONE] = _none_of_these(log_batch, log_lr, error)
    log_posterior = np.array([evidence[name] + math.log(prior) for name, prior in PRIOR.items()])
    posterior = special.softmax(log_posterior)
    return RuleProbabilities(fits, dict(zip(PRIOR, map(float, posterior), strict=True)), len(optima))


def _none_of_these(log_batch: FloatArray, log_lr: FloatArray, error: FloatArray) -> float:
    """Return ln of the likelihood of a power law with scatter or with a bend, half of each."""
    line = log_lr - EXPONENTS[:, None] * log_batch
    scattered = [integrate_level(line, np.hypot(error, scatter))[2] for scatter in SCATTERS]
    bend = (log_batch - log_batch.mean()) ** 2
    prior = special.log_softmax(-((BENDS / TYPICAL_BEND) ** 2) / 2) + math.log(len(BENDS))
    bent = [integrate_level(line - size * bend, error)[2] + p for size, p in zip(BENDS, prior, strict=True)]
    return float(np.logaddexp(_log_mean(np.concatenate(scattered)), _log_mean(np.concatenate(bent))) - math.log(2))


def _log_mean(log_likelihood: FloatArray) -> float:
    return float(special.logsumexp(log_likelihood) - math.log(len(log_likelihood)))
