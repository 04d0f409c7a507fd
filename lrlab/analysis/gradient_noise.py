"""The gradient noise scale of a study, from what its trainings measured in passing."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lrlab.analysis.runs import Run


@dataclass(frozen=True)
class NoiseScaleEstimate:
    """Gradient noise scale B_simple = tr(Σ)/|G|², in samples.

    Attributes:
        epochs: (E,) of training.
        by_epoch: (E,) the ratio of the averages of tr(Σ) and |G|² over the runs.
        runs: how many were averaged.
    """

    epochs: list[int]
    by_epoch: list[float]
    runs: int

    @property
    def average(self) -> float | None:
        """Return the mean over the epochs; None if some epoch's gradient cannot be told from its noise."""
        return float(np.mean(self.by_epoch)) if self.by_epoch and np.isfinite(self.by_epoch).all() else None


def estimate_noise_scale(runs: Iterable[Run]) -> NoiseScaleEstimate | None:
    """Return the ratio of the averages over runs; None if nothing was measured.

    The average of the ratios would be biased, and without bounds where an estimate of |G|² comes near 0. A run counts
    in proportion to its batch size: the variance of its estimates goes with 1/batch size.
    """
    sums: dict[int, list[tuple[float, float, float]]] = {}
    counted = 0
    for run in runs:
        signals, noises = (dict(run.metrics.get(name, ())) for name in ("gradient_signal", "gradient_noise"))
        counted += bool(signals)
        for epoch, signal in signals.items():
            sums.setdefault(epoch, []).append((run.batch_size, signal, noises[epoch]))
    if not sums:
        return None
    ratios = []
    for epoch in sorted(sums):
        weight, signal, noise = np.array(sums[epoch]).T
        gradient = float(np.average(signal, weights=weight))
        ratios.append(max(float(np.average(noise, weights=weight)), 0.0) / gradient if gradient > 0 else math.inf)
    return NoiseScaleEstimate(sorted(sums), ratios, counted)
