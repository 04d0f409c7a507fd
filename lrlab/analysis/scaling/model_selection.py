"""Which of the known rules do the best learning rates follow?

Three readings of how the best learning rate lr moves with the batch size B:

    linear         lr = a B                     (Goyal et al. 2017, arXiv:1706.02677)
    square root    lr = a B^(1/2)               (Krizhevsky 2014, arXiv:1404.5997)
    saturating     lr = lr_max / (1 + B_noise/B)    (McCandlish et al. 2018, arXiv:1812.06162, section 2.2)

They are nested: both power laws in lr = a B^p with free p, and linear in saturating with B_noise -> infinity.

Criterion. The noise s² of ln lr is known from the bootstrap over seeds, whatever the scatter about a reading. So
-2 ln(likelihood) is chi² = Σ residual² / s², plus a constant, and readings with k free numbers are compared by
AIC = chi² + 2k (Akaike 1974). The small-sample correction of AICc is for a variance estimated from the same
residuals, which this is not. A difference of 2 ln 20 between two readings of equal k is a likelihood ratio of 20;
that much evidence for the wrong one is seen with probability 1/20 at most (Royall 1997, "Statistical Evidence").

Apart from the comparison a reading has a misfit of its own: chi²/(m - k) against F(m - k, freedom of s²). If the
nearest reading fails that at 1 %, its scatter, which the seeds do not explain, takes the place of s² in AIC and in
the intervals (quasi-likelihood: Burnham & Anderson 2002, "Model Selection and Multimodel Inference", section 2.5).
"""

import math
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from scipy import special

from lrlab.analysis.scaling.estimate import Estimate, weighted_sum
from lrlab.analysis.scaling.power_law import PowerLaw
from lrlab.analysis.scaling.saturation import Interval, SaturationProfile, SaturationRule
from lrlab.analysis.scaling.table import FloatArray

Name = Literal["linear", "square_root", "saturating"]

MIN_P_VALUE: Final = 0.01  # below it the seeds do not explain the scatter about a rule


class Rule(Protocol):
    def log_lr(self, log_batch: FloatArray) -> FloatArray:
        """Return ln of the best learning rate (n,) at ln of n batch sizes."""


@dataclass(frozen=True)
class FittedRule:
    """A rule fitted to the optima.

    Attributes:
        rule: with its fitted numbers.
        n_parameters: how many they are, k.
        rss: Σ residual² in ln lr.
        optima: how many were fitted, m.
    """

    rule: Rule
    n_parameters: int
    rss: float
    optima: int

    @property
    def residual_std(self) -> Estimate:
        """Return the standard deviation of the optima about the rule, as the standard error of each."""
        spare = self.optima - self.n_parameters
        return Estimate(0.0, math.sqrt(self.rss / spare), spare)

    def p_value(self, noise: Estimate) -> float:
        """Return the probability of as much scatter if the rule were true and the optima had this noise."""
        ratio = (self.residual_std.standard_error / noise.standard_error) ** 2
        return float(special.fdtrc(self.residual_std.degrees_of_freedom, noise.degrees_of_freedom, ratio))

    def aic(self, noise: Estimate) -> float:
        """Return chi² + 2k."""
        return self.rss / noise.standard_error**2 + 2 * self.n_parameters


@dataclass(frozen=True)
class RuleComparison:
    """The three readings and the power law with free p.

    Attributes:
        saturation: the rule of `saturating`.
        lr_max, batch_noise: 95 % intervals of its numbers, from the noise of those optima that each number rests on;
            an end that the optima leave open is 0 or inf.
        seeds: noise of an optimum by the bootstrap over seeds, on average over the batch sizes.
        noise: what AIC and the intervals take for the noise of an optimum.
    """

    linear: FittedRule
    square_root: FittedRule
    saturating: FittedRule
    power_law: FittedRule
    saturation: SaturationRule
    lr_max: Interval
    batch_noise: Interval
    seeds: Estimate
    noise: Estimate

    @property
    def best(self) -> Name:
        """Return the reading of least AIC, however little it is ahead."""
        readings: dict[Name, FittedRule] = {
            "linear": self.linear,
            "square_root": self.square_root,
            "saturating": self.saturating,
        }
        return min(readings, key=lambda name: readings[name].aic(self.noise))


def compare(log_batch: FloatArray, log_lr: list[Estimate]) -> RuleComparison:
    """Fit every reading to the optima of m >= 3 batch sizes.

    Args:
        log_batch: (m,) ln of the batch sizes.
        log_lr: the m optima, ln of the learning rate.
    """
    x = np.array([one.value for one in log_lr])

    def fitted(rule: Rule, n_parameters: int) -> FittedRule:
        return FittedRule(rule, n_parameters, float(((x - rule.log_lr(log_batch)) ** 2).sum()), len(x))

    profile = SaturationProfile(log_batch, x)
    saturation = profile.best()
    linear = fitted(PowerLaw.fit(log_batch, log_lr, exponent=1.0), 1)
    square_root = fitted(PowerLaw.fit(log_batch, log_lr, exponent=0.5), 1)
    saturating = fitted(saturation, 2)
    power_law = fitted(PowerLaw.fit(log_batch, log_lr), 2)

    seeds = weighted_sum(np.full(len(x), len(x) ** -0.5), log_lr)
    nearest = min(saturating, power_law, key=lambda reading: reading.rss)
    if nearest.p_value(seeds) >= MIN_P_VALUE:
        noise = seeds
        along = [weighted_sum(weights / np.linalg.norm(weights), log_lr) for weights in saturation.weights(log_batch)]
        reach = [one.half_width() for one in along]
    else:
        noise = nearest.residual_std
        reach = [noise.half_width(), noise.half_width()]
    return RuleComparison(
        linear=linear,
        square_root=square_root,
        saturating=saturating,
        power_law=power_law,
        saturation=saturation,
        lr_max=profile.lr_max(reach[0]),
        batch_noise=profile.batch_noise(reach[1]),
        seeds=seeds,
        noise=noise,
    )
