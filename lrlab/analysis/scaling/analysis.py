"""Does the linear scaling rule hold here? From a table of trials to a verdict, which may be "cannot tell".

    result = analyse({"batch_size": [...], "lr": [...], "seed": [...], "loss": [...]})
    result.verdict, result.reasons, result.to_dict()

What it takes for granted: a smaller loss is better, the seeds are independent repetitions at each batch size, and
the loss has one minimum in the learning rate.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lrlab.analysis.scaling.linear_range import Pair, describe, pairs, valid_range
from lrlab.analysis.scaling.model_selection import Name, RuleComparison, compare
from lrlab.analysis.scaling.optimum import Optimum, best_lrs
from lrlab.analysis.scaling.power_law import PowerLaw
from lrlab.analysis.scaling.table import read
from lrlab.analysis.scaling.verdict import Verdict, decide, disqualifications
from lrlab.config import validation


@dataclass(frozen=True)
class ScalingAnalysis:
    """How the best learning rate moves with the batch size.

    Attributes:
        study: name of what was analysed.
        verdict, reasons: the answer.
        optima: best learning rate of every batch size, in rising order.
        power_law: the line through the sound optima; None if there are fewer than three.
        readings: the rules fitted to them; None if there are fewer than three.
        pairs: what is lost by carrying a learning rate over from a smaller batch size by the linear rule.
        holds: the range of batch sizes in which no pair loses more than the tolerance; None if there is none.
        noise_scale: gradient noise scale measured during training, in samples; None if it was not.
    """

    study: str
    verdict: Verdict
    reasons: tuple[str, ...]
    optima: tuple[Optimum, ...] = ()
    power_law: PowerLaw | None = None
    readings: RuleComparison | None = None
    pairs: tuple[Pair, ...] = ()
    holds: tuple[int, int] | None = None
    noise_scale: float | None = None

    @property
    def reading(self) -> Name | None:
        """The rule that fits best by AIC, however little it is ahead."""
        return self.readings.best if self.readings else None

    def to_dict(self) -> dict[str, Any]:
        """As JSON: numbers that are unknown or not finite are None."""
        exponent = self.power_law.exponent if self.power_law else None
        low, high = self.holds or (None, None)
        return {
            "study": self.study,
            "exponent": exponent.value if exponent else None,
            "exponent_ci": list(exponent.interval()) if exponent else None,
            "reading": self.reading,
            "holds_from": low,
            "holds_to": high,
            "noise_scale": self.noise_scale if self.noise_scale and math.isfinite(self.noise_scale) else None,
            "per_batch_size": [one.to_dict() for one in self.optima],
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
        draws: bootstrap samples of the seeds.
        rng_seed: of the bootstrap.

    Raises:
        InputError: the table cannot be used (see `table.read`), or tolerance or draws is out of range.
    """
    validation.number("tolerance", tolerance, above=0)
    validation.integer("draws", draws, at_least=100)
    optima = best_lrs(read(trials), draws, rng_seed)
    sound = [one for one in optima if not one.problems]
    tested = pairs(sound)
    within = valid_range(tested, tolerance)
    power_law, readings = None, None
    if len(sound) > 2:
        log_batch = np.log([one.batch_size for one in sound])
        log_lr = [one.log_lr for one in sound if one.log_lr]
        power_law, readings = PowerLaw.fit(log_batch, log_lr), compare(log_batch, log_lr)
    verdict: Verdict = "cannot_tell"
    reasons = disqualifications(optima)
    if power_law and readings and not reasons:
        verdict, reason = decide(power_law.exponent, readings)
        reasons = [reason, describe(tested, within, tolerance)]
    return ScalingAnalysis(
        study=study,
        verdict=verdict,
        reasons=tuple(reasons),
        optima=optima,
        power_law=power_law,
        readings=readings,
        pairs=tested,
        holds=within,
        noise_scale=noise_scale,
    )
