"""Which scaling rule holds here? From a table of trials to a verdict, which may be "cannot tell".

    result = analyse({"batch_size": [...], "lr": [...], "seed": [...], "loss": [...]})
    result.verdict, result.reasons, result.to_dict()

What it takes for granted: a smaller loss is better, the seeds are independent repetitions at each batch size, and
the loss is a continuous function of the learning rate near its least value. One seed is enough: the noise is then
taken from the scatter about the curves.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrlab.config import validation
from lrlab.scaling_law.optimum import Optimum, best_lrs
from lrlab.scaling_law.power_law import PowerLaw
from lrlab.scaling_law.rule_probabilities import RuleProbabilities, weigh
from lrlab.scaling_law.rules import RuleName
from lrlab.scaling_law.table import read
from lrlab.scaling_law.valid_range import Pair, describe, pairs, valid_range
from lrlab.scaling_law.verdict import Verdict, decide, disqualification


@dataclass(frozen=True)
class ScalingAnalysis:
    """How the best learning rate moves with the batch size.

    Attributes:
        study: name of what was analysed.
        verdict, reasons: the answer.
        optima: best learning rate of every batch size, in rising order.
        power_law: the line through the sound optima; None if there are fewer than three.
        rules: the known rules with their probabilities; None if there are fewer than three.
        pairs: what is lost by carrying a learning rate over from a smaller batch size by the linear rule.
        holds: the range of batch sizes in which each pair loses at most the tolerance, with 95 %; None if there is
            none.
        noise_scale: gradient noise scale measured during training, in samples; None if it was not.
    """

    study: str
    verdict: Verdict
    reasons: tuple[str, ...]
    optima: tuple[Optimum, ...] = ()
    power_law: PowerLaw | None = None
    rules: RuleProbabilities | None = None
    pairs: tuple[Pair, ...] = ()
    holds: tuple[int, int] | None = None
    noise_scale: float | None = None

    @property
    def reading(self) -> RuleName | None:
        """The most probable rule, however little it is ahead."""
        return self.rules.best.name if self.rules else None

    def to_dict(self) -> dict[str, Any]:
        """As JSON: numbers that are unknown or not finite are None."""
        exponent = self.power_law.exponent if self.power_law else None
        low, high = self.holds or (None, None)
        return {
            "study": self.study,
            "exponent": exponent.value if exponent else None,
            "exponent_ci": list(exponent.interval()) if exponent else None,
            "reading": self.reading,
            "probabilities": dict(self.rules.probability) if self.rules else None,
            "holds_from": low,
            "holds_to": high,
            "noise_scale": self.noise_scale if self.noise_scale and math.isfinite(self.noise_scale) else None,
            "per_batch_size": [optimum.to_dict() for optimum in self.optima],
            "verdict": self.verdict,
            "reasons": list(self.reasons),
        }


def analyse(
    trials: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]],
    *,
    study: str = "",
    noise_scale: float | None = None,
    tolerance: float = 0.01,
    draws: int = 1000,
    rng_seed: int = 0,
) -> ScalingAnalysis:
    """Analyse a table of trials: a dict of columns or a sequence of rows with batch_size, lr, seed and loss.

    Args:
        trials: a loss that is not finite is a trial that diverged.
        study, noise_scale: handed through to the result.
        tolerance: loss a predicted learning rate may cost, relative to the least loss of the batch size.
        draws: curves drawn for each batch size.
        rng_seed: of the draws.

    Raises:
        InputError: the table cannot be used (see `table.read`), or tolerance or draws is out of range.
    """
    validation.number("tolerance", tolerance, above=0)
    validation.integer("draws", draws, at_least=100)
    return analyse_optima(
        best_lrs(read(trials), draws, rng_seed), study=study, noise_scale=noise_scale, tolerance=tolerance
    )


def analyse_optima(
    optima: tuple[Optimum, ...], *, study: str = "", noise_scale: float | None = None, tolerance: float = 0.01
) -> ScalingAnalysis:
    """Return the analysis of the best learning rates of one setting; see `analyse`."""
    sound = [optimum for optimum in optima if optimum.is_bracketed]
    power_law, rules = None, None
    if len(sound) > 2:
        log_batch = np.log([optimum.batch_size for optimum in sound])
        log_lr = [optimum.log_lr for optimum in sound if optimum.log_lr]
        power_law, rules = PowerLaw.fit(log_batch, log_lr), weigh(log_batch, log_lr)
    tested = pairs(sound, rules, tolerance)
    within = valid_range(tested)
    left_out = [
        f"batch size {optimum.batch_size} is left out: {optimum.problem}" for optimum in optima if optimum.problem
    ]
    verdict: Verdict = "cannot_tell"
    reasons = [disqualification(optima)]
    if power_law and rules and not reasons[0]:
        verdict, reason = decide(power_law.exponent, rules)
        reasons = [reason, describe(tested, within, tolerance)]
    return ScalingAnalysis(
        study=study,
        verdict=verdict,
        reasons=(*reasons, *left_out),
        optima=optima,
        power_law=power_law,
        rules=rules,
        pairs=tested,
        holds=within,
        noise_scale=noise_scale,
    )
