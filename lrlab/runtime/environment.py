"""The processor cores and the BLAS libraries of this process."""

import os
from pathlib import Path
from types import ModuleType
from typing import Any

from threadpoolctl import threadpool_info, threadpool_limits

from lrlab.runtime.scipy_blas import routines


def cores() -> int:
    """Return the number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def limit_blas(threads: int) -> None:
    """Let matrix multiplies use so many threads from now on (more than the cores would only queue)."""
    routines()  # only what is loaded can be limited
    threadpool_limits(min(threads, cores()), user_api="blas")


def blas_of(package: ModuleType) -> dict[str, Any]:
    """Return what threadpoolctl knows of the BLAS of NumPy or SciPy: each may have brought its own.

    Returns:
        Among others ``internal_api``, ``version``, ``architecture`` (the kernel) and ``num_threads``; {} if unknown.
    """
    folder = str(Path(str(package.__file__)).resolve().parent)  # numpy: it lies in numpy/.dylibs, or in numpy.libs
    libraries = [info for info in threadpool_info() if info["user_api"] == "blas"]
    return max(libraries, key=lambda info: info["filepath"].startswith(folder), default={})
