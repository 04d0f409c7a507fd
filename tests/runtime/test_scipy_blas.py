import subprocess
import sys

import pytest

MULTIPLY = """
import sys
import numpy as np
from lrlab.runtime import scipy_blas
for dtype, gemm in ((np.float32, "sgemm"), (np.float64, "dgemm")):
    product = getattr(scipy_blas.routines(), gemm)(1, np.full((2, 3), 2, dtype), np.ones((3, 2), dtype))
    assert product.dtype == dtype and (product == 6).all()
"""
ALONE = "assert not [name for name in sys.modules if name.startswith('scipy.linalg')]\n"
WHOLE = """
import scipy.linalg
from scipy.linalg import blas, get_blas_funcs
assert blas.sgemm is scipy.linalg._fblas.sgemm is scipy_blas.routines().sgemm
assert get_blas_funcs("gemm", dtype=np.float64) is scipy_blas.routines().dgemm
assert np.allclose(scipy.linalg.solve(2 * np.eye(3), np.ones(3)), 0.5)
"""
LIBRARIES = """
from threadpoolctl import threadpool_info
scipys = [each["filepath"] for each in threadpool_info() if "scipy.libs" in each["filepath"]]
assert len(scipys) == len(set(scipys)) <= 1, scipys
"""
MOVED = """
from lrlab.runtime import scipy_blas
scipy_blas.ROUTINES = "scipy.linalg._moved"
"""


@pytest.mark.parametrize(
    "program",
    [
        MULTIPLY + ALONE + LIBRARIES,
        MULTIPLY + ALONE + WHOLE + LIBRARIES,
        "import scipy.linalg\n" + MULTIPLY + WHOLE + LIBRARIES,
        "import scipy.linalg.blas\n" + MULTIPLY + WHOLE + LIBRARIES,
        MOVED + MULTIPLY + "assert 'scipy.linalg.blas' in sys.modules\n" + WHOLE,
    ],
    ids=[
        "alone",
        "scipy.linalg later",
        "scipy.linalg before",
        "scipy.linalg.blas before",
        "where SciPy has moved them",
    ],
)
def test_the_routines_are_scipys_with_and_without_the_rest_of_it(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
