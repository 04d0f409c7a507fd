"""Which batch sizes of a confirmation share populations; test_report.py confirms a real study."""

import math

import pytest

from lrlab.commands.candidate_training import population_batch_sizes


@pytest.mark.parametrize(
    ("batch_sizes", "shared"),
    [
        ([64], [(64,)]),
        ([251, 64], [(64,), (251,)]),  # one sample at a time, if together
        ([16, 8, 16, 32], [(8, 16, 32)]),  # the smallest divides the others
        ([64, 128, 192], [(64, 128, 192)]),
        ([100, 128, 200, 256], [(100, 200), (128, 256)]),
        ([192, 320], [(192, 320)]),  # 64 is efficient, though smaller than both
        ([96, 160], [(96,), (160,)]),  # 32 is not
        ([1, 251], [(1, 251)]),
    ],
)
def test_batch_sizes_share_populations_whose_microbatch_is_efficient(
    batch_sizes: list[int], shared: list[tuple[int, ...]]
) -> None:
    assert population_batch_sizes(batch_sizes) == shared
    assert all(math.gcd(*sizes) >= min(sizes[0], 64) for sizes in shared)
