import json
import subprocess
import sys

from lrlab.training.environment import cores, describe


def test_describes_what_rounding_depends_on() -> None:
    now = describe()
    assert list(now) == ["blas", "blas_core", "blas_threads", "machine", "numpy", "python", "code"]
    assert now == describe() == json.loads(json.dumps(now))
    assert now["blas_threads"] >= 1
    assert len(now["code"]) == 16


def test_a_blas_that_scipy_brings_later_is_not_numpy_s() -> None:
    program = """if True:
        import json
        from lrlab.training.environment import describe, limit_blas
        limit_blas(1)
        before = describe()
        import scipy.linalg
        print(json.dumps([before, describe()]))
    """
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    before, after = json.loads(run.stdout)
    assert before["blas_threads"] == 1
    assert after == before


def test_no_more_threads_than_cores() -> None:
    program = """if True:
        from lrlab.training.environment import describe, limit_blas
        limit_blas(10_000)
        print(describe()["blas_threads"])
    """
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(run.stdout) <= cores()
