import subprocess
import sys
from pathlib import Path

import pytest
import scipy.linalg  # which loads its BLAS

from lrlab.runtime import blas_kernel
from lrlab.runtime.blas_kernel import is_available, run_module
from lrlab.runtime.environment import blas_of


def test_the_present_kernel_is_available_and_an_unheard_of_one_is_not() -> None:
    assert is_available(blas_of(scipy)["architecture"])
    assert not is_available("Z80")


def test_a_kernel_that_the_processor_cannot_run_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas_kernel, "PROBE", "import os; print('Z80', flush=True); os.abort()")
    assert not is_available("Z80")


@pytest.mark.parametrize(
    ("last", "code"), [("sys.exit(7)", 7), ("os.kill(os.getpid(), 9)", 128 + 9)], ids=["exit", "killed"]
)
def test_a_module_runs_with_the_variable_the_path_and_the_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], last: str, code: int
) -> None:
    program = f"import os, sys; print(os.environ['OPENBLAS_CORETYPE'], *sys.argv[1:], flush=True); {last}"
    (tmp_path / "somewhere.py").write_text(program)
    monkeypatch.syspath_prepend(tmp_path)
    assert run_module("Haswell", "somewhere", ["a", "b c"]) == code
    assert capfd.readouterr().out == "Haswell a b c\n"


PARENT = """if True:
    from lrlab.runtime.blas_kernel import run_module
    from lrlab.runtime.entrypoint import run_program
    run_program(lambda: run_module("Haswell", "child", []))
"""
CHILD = """if True:
    import sys, time
    from lrlab.runtime.entrypoint import run_program
    def work():
        try:
            print("working", flush=True)
            time.sleep(60)
        finally:
            print("in order", flush=True)
        return 0
    run_program(work)
"""


def test_sigterm_reaches_the_child_and_the_parent_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "child.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", ":".join([str(tmp_path), *filter(None, sys.path)]))
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "working\n"
        parent.terminate()
        assert parent.stdout.read() == "in order\n"
    assert parent.returncode == 128 + 15
