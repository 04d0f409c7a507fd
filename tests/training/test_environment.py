import importlib
import json
import subprocess
import sys

import pytest
from threadpoolctl import threadpool_info

from lrlab.training import environment
from lrlab.training.environment import cores, describe


def test_describes_what_rounding_depends_on() -> None:
    now = describe()
    assert list(now) == ["blas", "blas_core", "blas_threads", "machine", "numpy", "python", "code"]
    assert now == describe() == json.loads(json.dumps(now))
    assert now["blas_threads"] >= 1
    assert len(now["code"]) == 16


def test_scipy_s_blas_is_not_numpy_s(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both may be loaded, and threadpoolctl lists them in any order."""
    importlib.import_module("scipy.linalg")
    loaded = threadpool_info()
    assert any(info["user_api"] == "blas" for info in loaded)
    found = []
    for order in (loaded, loaded[::-1]):
        monkeypatch.setattr(environment, "threadpool_info", lambda order=order: order)
        found.append(environment.numpy_blas())
    assert found[0] == found[1]
    assert "scipy.libs" not in found[0]["filepath"]


def test_no_more_threads_than_cores() -> None:
    program = """if True:
        from lrlab.training.environment import describe, limit_blas
        limit_blas(10_000)
        print(describe()["blas_threads"])
    """
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(run.stdout) <= cores()
