"""The machine and the software that the numbers come from."""

import os
import platform
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.bench import ROOT
from lrlab.runs.provenance import Environment
from lrlab.runtime.environment import cores


def about() -> dict[str, Any]:
    """What a reader needs to know of where and when."""
    return {
        "when": time.strftime("%Y-%m-%d %H:%M:%S"),
        "processor": processor(),
        "cores": cores(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.platform(terse=True),
        "load": os.getloadavg()[0],
        "commit": commit(),
        "packages": dict(packages()),
        **asdict(Environment.current()),
    }


def packages() -> Iterator[tuple[str, str]]:
    """The versions of what lrlab's speed depends on; Numba is the extra `fast`."""
    for name in ("numpy", "scipy", "numba", "optuna", "mlflow", "hydra-core"):
        with suppress(PackageNotFoundError):
            yield name, version(name)


def processor() -> str:
    """Its name, as Linux has it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def commit() -> str:
    """The commit of the checkout, with a + if it has changes; "" outside of one."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()
