"""The gradient noise scale: up to which batch size do larger batches give clearly better gradients?

The simple noise scale B_simple = tr(Σ)/|G|² (McCandlish et al. 2018, arXiv:1812.06162), from the unbiased estimates
of its two parts in `lrlab.core.noise_scale`.
"""

import math

import numpy as np

from lrlab.core.noise_scale import Numbers, moments
from lrlab.errors import InputError


def noise_scale(small: Numbers, large: Numbers, batch_small: int, batch_large: int) -> float:
    """B_simple in samples, from squared norms (...) over many steps.

    It is the ratio of the averages. The average of the ratios would be biased, and without bounds where an estimate
    of |G|² comes near 0. Infinite if no gradient can be told from the noise.

    Raises:
        InputError: as `moments`, or there are no finite norms.
    """
    squared_gradient, trace = moments(small, large, batch_small, batch_large)
    known = np.isfinite(squared_gradient) & np.isfinite(trace)
    if not known.any():
        raise InputError("squared gradient norms must hold a finite number, got none")
    gradient, noise = float(squared_gradient[known].mean()), float(trace[known].mean())
    return max(noise, 0.0) / gradient if gradient > 0 else math.inf
