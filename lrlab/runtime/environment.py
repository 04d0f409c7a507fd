"""What a run's arithmetic depends on besides its configuration: threads, BLAS kernels, versions, code."""

import hashlib
import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits


def cores() -> int:
    """Number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def limit_blas(threads: int) -> None:
    """Let matrix multiplies use so many threads from now on (more than the cores would only queue)."""
    import scipy.linalg.blas  # noqa: F401  only what is loaded can be limited

    threadpool_limits(min(threads, cores()), user_api="blas")


def describe() -> dict[str, str | int]:
    """The environment of this process. Two runs with equal descriptions round alike."""
    import scipy.linalg.blas

    blas = blas_of(np)
    return {
        "blas": _name(blas),
        "blas_core": blas.get("architecture", "unknown"),
        "blas_threads": blas.get("num_threads", 1),
        "machine": platform.machine(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "scipy": scipy.__version__,
        "scipy_blas": _name(blas_of(scipy)),
        "code": code_digest(),
    }


def blas_of(package: ModuleType) -> dict[str, Any]:
    """What threadpoolctl knows of the BLAS that NumPy or SciPy multiplies with: each may have brought its own."""
    place = str(Path(str(package.__file__)).resolve().parent)  # numpy: it lies in numpy/.dylibs, or in numpy.libs
    libraries = [info for info in threadpool_info() if info["user_api"] == "blas"]
    return max(libraries, key=lambda info: info["filepath"].startswith(place), default={})


def _name(blas: Mapping[str, Any]) -> str:
    return f"{blas.get('internal_api', 'unknown')} {blas.get('version', '')}".strip()


@cache
def code_digest() -> str:
    """First 16 hex digits of the SHA-256 over the sources that decide the numbers: core/ and training/."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for room in ("core", "training"):
        for path in sorted((package / room).rglob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
