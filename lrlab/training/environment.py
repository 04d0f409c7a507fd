"""What a run's arithmetic depends on besides its configuration: threads, BLAS kernels, versions, code."""

import hashlib
import os
import platform
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits


def cores() -> int:
    """Number of processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def limit_blas(threads: int) -> None:
    """Let matrix multiplies use so many threads from now on (more than the cores would only queue)."""
    threadpool_limits(min(threads, cores()), user_api="blas")


def describe() -> dict[str, str | int]:
    """The environment of this process. Two runs with equal descriptions round alike."""
    blas = numpy_blas()
    return {
        "blas": f"{blas.get('internal_api', 'unknown')} {blas.get('version', '')}".strip(),
        "blas_core": blas.get("architecture", "unknown"),
        "blas_threads": blas.get("num_threads", 1),
        "machine": platform.machine(),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "code": code_digest(),
    }


def numpy_blas() -> dict[str, Any]:
    """What threadpoolctl knows of the BLAS that NumPy multiplies with: SciPy may have brought its own."""
    numpy = str(Path(np.__file__).resolve().parent)  # its library lies in numpy/.dylibs or beside, in numpy.libs
    libraries = [info for info in threadpool_info() if info["user_api"] == "blas"]
    return max(libraries, key=lambda info: info["filepath"].startswith(numpy), default={})


@cache
def code_digest() -> str:
    """First 16 hex digits of the SHA-256 over the sources that decide the numbers: core/ and training/."""
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for room in ("core", "training"):
        for path in sorted((package / room).glob("*.py")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
