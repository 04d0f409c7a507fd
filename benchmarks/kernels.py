"""Which kernels OpenBLAS multiplies with: those that it chooses, as for a user, or those of `--kernels`.

PyTorch multiplies with libraries of its own, which choose for themselves.
"""

import os
import sys
from collections.abc import Sequence

from lrlab.runtime.blas_kernel import VARIABLE


def ensure(kernels: str | None, arguments: Sequence[str]) -> None:
    """Begin this program again if it was started with others: they are settled when OpenBLAS is loaded.

    Args:
        kernels: their name, such as Haswell; None: OpenBLAS chooses.
        arguments: of this program.
    """
    if os.environ.get(VARIABLE) == kernels:
        return
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if kernels:
        environment[VARIABLE] = kernels
    os.execve(sys.executable, [sys.executable, "-m", "benchmarks", *arguments], environment)
