"""Independent random numbers for each purpose, from one seed.

``default_rng(seed)`` and ``default_rng([seed, 0])`` of NumPy are one stream: two purposes that derive their generators
so draw the same numbers. The spawn keys of a SeedSequence keep them apart (NumPy, "Parallel random number generation").
"""

from typing import Literal, get_args

import numpy as np

Purpose = Literal["weights", "order", "validation", "test", "points"]
PURPOSES = get_args(Purpose)  # the place of each is its spawn key: a new one goes to the end


def stream(seed: int, purpose: Purpose, *indices: int) -> np.random.Generator:
    """Return the generator of a purpose, and of an index within it, such as the epoch."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(PURPOSES.index(purpose), *indices)))
