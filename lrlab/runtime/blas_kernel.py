"""Which of its kernels OpenBLAS multiplies with: settled when it is loaded, so that another takes a fresh process."""

import os
import subprocess
import sys
from collections.abc import Sequence

from lrlab.runtime import child_process

VARIABLE = "OPENBLAS_CORETYPE"
# A version of OpenBLAS may take a kernel whose instructions the processor lacks, and die of the first multiply
PROBE = """if True:
    import numpy as np, scipy
    from scipy.linalg import blas
    from lrlab.runtime.environment import blas_of
    for multiply, dtype in ((blas.sgemm, np.float32), (blas.dgemm, np.float64)):
        multiply(1, np.ones((64, 64), dtype), np.ones((64, 64), dtype))
    print(blas_of(scipy).get("architecture"))
"""


def is_available(kernel: str) -> bool:
    """Return whether SciPy's OpenBLAS has a kernel, by name, that this processor can run. Takes half a second."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROBE], env=_environment(kernel), capture_output=True, text=True, check=False
    )
    return done.returncode == 0 and done.stdout.strip() == kernel


def run_module(kernel: str, module: str, arguments: Sequence[str]) -> int:
    """Run ``python -m module`` with a kernel, on this process's streams; return its exit code.

    What interrupts the wait ends it in order, and is raised again.
    """
    return child_process.run([sys.executable, "-P", "-m", module, *arguments], _environment(kernel))


def _environment(kernel: str) -> dict[str, str]:
    """Return this process's environment, with its import path, and the kernel."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), VARIABLE: kernel}
