"""SciPy's BLAS without the rest of scipy.linalg, which takes a tenth of a second to import, before the first update."""

import sys
from functools import cache
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

PACKAGE, ROUTINES = "scipy.linalg", "scipy.linalg._fblas"


@cache
def routines() -> ModuleType:
    """Return the module of the routines, such as `sgemm`; the library that multiplies is loaded with it.

    The routines are those of `scipy.linalg.blas`. Where SciPy keeps them elsewhere, the whole package is imported.
    """
    import scipy

    if PACKAGE not in sys.modules:
        spec = PathFinder.find_spec(ROUTINES, [str(Path(scipy.__file__).parent / "linalg")])
        if spec and spec.loader:
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            sys.modules.pop(ROUTINES, None)  # an extension registers itself: scipy.linalg shall import it as its own
            return module
    return import_module("scipy.linalg.blas")
