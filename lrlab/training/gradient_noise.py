"""The gradient noise of a member, measured on a few of its batches."""

import math

import numpy as np

from lrlab.core.noise_scale import moments

MEASURE_EVERY = 32  # one batch in so many, the first of an epoch among them: it costs next to nothing


def is_measured(index: int) -> bool:
    """Return whether the batch of this index in the epoch, from 0, is measured."""
    return index % MEASURE_EVERY == 0


def can_halve(samples: int) -> bool:
    """Return whether so many samples make two equal parts."""
    return samples % 2 == 0


class NoiseMeter:
    """Squared gradient norms of the microbatches of a batch, and of the batch, over the batches of one epoch.

    The gradients handed in are parts of a sum: each microbatch's is that of the batch's mean loss.
    """

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._parts: list[float] = []  # of the current batch
        self._moments: list[tuple[float, float]] = []  # (|G|², tr Σ) by each batch

    def chooses(self, seen: int) -> bool:
        """Return whether the batch to which the training sample number `seen` of the epoch belongs is measured."""
        return is_measured((seen - 1) // self._batch_size)

    def microbatch(self, square: float) -> None:
        """Add the squared norm of one microbatch's part."""
        self._parts.append(square)

    def batch(self, square: float, *, full: bool) -> None:
        """Add the squared norm of the sum; a batch cut short by the epoch's end, or of one part, is not counted."""
        count = len(self._parts)
        if full and count > 1:
            small = float(np.mean(self._parts)) * count**2  # a part is the microbatch's mean over count
            gradient, noise = moments(small, square, self._batch_size // count, self._batch_size)
            self._moments.append((float(gradient), float(noise)))
        self._parts = []

    def metrics(self) -> dict[str, float]:
        """Return the metrics of the epoch and begin the next; empty if nothing could be measured.

        `gradient_signal` and `gradient_noise` are the averages of the unbiased estimates of |G|² and tr(Σ), so that
        they can be averaged further; `noise_scale`, their ratio, in samples, is there where the first is above 0.
        """
        measured, self._moments = self._moments, []
        if not measured:
            return {}
        signal, noise = (float(average) for average in np.mean(measured, axis=0))
        if not (math.isfinite(signal) and math.isfinite(noise)):
            return {}
        known = {"gradient_signal": signal, "gradient_noise": noise}
        return known | {"noise_scale": max(noise, 0.0) / signal} if signal > 0 else known
