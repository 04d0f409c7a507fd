"""The processor cores and the BLAS libraries of this process."""

import os
from pathlib import Path
from types import ModuleType
from typing import Any

from threadpoolctl import LibController, ThreadpoolController, threadpool_limits

from lrlab.runtime.scipy_blas import routines

_own_blas: dict[str, LibController] = {}  # by package: to look through what is loaded takes long, for every run


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
    name = package.__name__
    if name not in _own_blas:
        folder = str(Path(str(package.__file__)).resolve().parent)  # numpy: it lies in numpy/.dylibs, or in numpy.libs
        libraries = _blas_libraries()
        library = max(libraries, key=lambda library: library.filepath.startswith(folder), default=None)
        if library is None or not library.filepath.startswith(folder):  # its own may be loaded later
            return library.info() if library else {}
        _own_blas[name] = library
    found: dict[str, Any] = _own_blas[name].info()
    return found


def _blas_libraries() -> list[LibController]:
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)
