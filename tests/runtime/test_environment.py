import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
import scipy.linalg  # which loads its BLAS
from threadpoolctl import threadpool_info

from lrlab.runtime import environment
from lrlab.runtime.environment import cores


@pytest.mark.parametrize(("package", "other"), [(np, "scipy.libs"), (scipy, "numpy.libs")])
def test_numpy_and_scipy_have_each_their_own_blas(
    monkeypatch: pytest.MonkeyPatch, package: ModuleType, other: str
) -> None:
    """threadpoolctl lists them in any order."""
    loaded = threadpool_info()
    assert any(info["user_api"] == "blas" for info in loaded)
    found = []
    for order in (loaded, loaded[::-1]):
        monkeypatch.setattr(environment, "threadpool_info", lambda order=order: order)
        found.append(environment.blas_of(package))
    assert found[0] == found[1]
    assert other not in found[0]["filepath"]


def test_no_more_threads_than_cores() -> None:
    program = """if True:
        from threadpoolctl import threadpool_info
        from lrlab.runtime.environment import limit_blas
        limit_blas(10_000)
        print(max(info["num_threads"] for info in threadpool_info()))
    """
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(run.stdout) <= cores()
