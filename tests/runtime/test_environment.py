import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
import scipy.linalg  # which loads its BLAS
from threadpoolctl import threadpool_limits

from lrlab.runtime import environment
from lrlab.runtime.environment import cores


@pytest.mark.parametrize(("package", "other"), [(np, "scipy.libs"), (scipy, "numpy.libs")])
def test_numpy_and_scipy_have_each_their_own_blas(
    monkeypatch: pytest.MonkeyPatch, package: ModuleType, other: str
) -> None:
    """threadpoolctl lists them in any order."""
    loaded = environment._blas_libraries()
    assert loaded
    found = []
    for order in (loaded, loaded[::-1]):
        monkeypatch.setattr(environment, "_own_blas", {})
        monkeypatch.setattr(environment, "_blas_libraries", lambda order=order: order)
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


@pytest.mark.parametrize("package", [np, scipy])
def test_a_blas_is_looked_for_once_and_asked_every_time(monkeypatch: pytest.MonkeyPatch, package: ModuleType) -> None:
    monkeypatch.setattr(environment, "_own_blas", {})
    before = environment.blas_of(package)
    monkeypatch.setattr(environment, "_blas_libraries", list)  # nothing would be found
    assert environment.blas_of(package) == before
    with threadpool_limits(1):
        assert environment.blas_of(package)["num_threads"] == 1


def test_a_blas_that_is_loaded_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = environment._blas_libraries()
    monkeypatch.setattr(environment, "_own_blas", {})
    monkeypatch.setattr(environment, "_blas_libraries", list)
    assert environment.blas_of(scipy) == {}
    monkeypatch.setattr(
        environment, "_blas_libraries", lambda: [each for each in loaded if "scipy.libs" not in each.filepath]
    )
    assert environment.blas_of(scipy) != {}
    monkeypatch.setattr(environment, "_blas_libraries", lambda: loaded)
    assert "numpy.libs" not in environment.blas_of(scipy)["filepath"]
