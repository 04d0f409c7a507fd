"""The gradient noise scale: up to which batch size do larger batches give clearly better gradients?

With G the true gradient and Σ the covariance of the gradient of one sample, the gradient of B samples has

    E |G_B|² = |G|² + tr(Σ)/B

(McCandlish et al. 2018, "An Empirical Model of Large-Batch Training", arXiv:1812.06162, appendix A.1). So squared
norms at two batch sizes give both unknowns, without any gradient being kept:

    |G|²  = (B |G_B|² - b |G_b|²) / (B - b)
    tr(Σ) = (|G_b|² - |G_B|²) / (1/b - 1/B)             b < B

and the simple noise scale is B_simple = tr(Σ)/|G|². The microbatches of a batch and the batch itself will do for b
and B: that they share samples makes neither estimate biased.
"""

from collections.abc import Sequence

import numpy as np

from lrlab.config import validation

Numbers = float | Sequence[float] | np.ndarray


def moments(small: Numbers, large: Numbers, batch_small: int, batch_large: int) -> tuple[np.ndarray, np.ndarray]:
    """Return unbiased estimates of |G|² and tr(Σ), each of them very noisy and possibly negative.

    Args:
        small: squared norms (...) of gradients that are means over `batch_small` samples.
        large: squared norms, of a shape that goes with `small`, of means over `batch_large` samples.
        batch_small, batch_large: samples.

    Raises:
        InputError: not 1 <= batch_small < batch_large.
    """
    validation.integer("batch_small", batch_small, at_least=1)
    validation.integer("batch_large", batch_large, at_least=batch_small + 1)
    of_small, of_large = np.asarray(small, dtype=np.float64), np.asarray(large, dtype=np.float64)
    squared_gradient = (batch_large * of_large - batch_small * of_small) / (batch_large - batch_small)
    trace = (of_small - of_large) / (1 / batch_small - 1 / batch_large)
    return squared_gradient, trace
