"""What must hold before anything lands, one session each. `.ci/run` runs the same sessions in one fresh environment."""

from pathlib import Path

import nox

NUMERICAL = ("tests/core", "tests/training", "tests/parity", "tests/scaling_law", "tests/analysis")
# OpenBLAS's kernels round differently; each needs an instruction set of the processor
KERNELS = {"Haswell": "avx2", "SkylakeX": "avx512f"}

TWO_CORES = ("-n", "2", "--dist", "loadfile")

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "kernels", "docs", "lint", "types"]


def install(session: nox.Session, constraints: str = "constraints.txt", extras: str = "test") -> None:
    session.install("--progress-bar", "off", "-c", constraints, "-e", f".[{extras}]")


@nox.session
def tests(session: nox.Session) -> None:
    """The README's test command."""
    install(session)
    session.run("pytest", *TWO_CORES, *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """The same tests with their coverage of lrlab/, and the least that it may be."""
    install(session)
    session.run("pytest", *TWO_CORES, "--cov", "--cov-report=term:skip-covered", "--cov-report=html", *session.posargs)


@nox.session
def kernels(session: nox.Session) -> None:
    """The numerical tests with other kernels of the BLAS than the one it chooses: no test may hang on the last bit."""
    install(session)
    cpuinfo = Path("/proc/cpuinfo")
    instructions = set(cpuinfo.read_text().split()) if cpuinfo.is_file() else set()
    for kernel, needed in KERNELS.items():
        if needed in instructions:
            session.run("pytest", *TWO_CORES, *NUMERICAL, env={"OPENBLAS_CORETYPE": kernel})
        else:
            session.warn(f"BLAS kernel {kernel} is left out: this processor has no {needed}")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, without a network, warnings as errors; begins at outputs/docs/index.html."""
    install(session, extras="test,docs")
    session.run("sphinx-build", "-W", "--keep-going", "-E", "-q", "-b", "html", "docs", "outputs/docs")


@nox.session
def gallery(session: nox.Session) -> None:
    """The pictures of docs/pictures/ and the page of the gallery: half an hour at first; needs Debian's chromium."""
    install(session, extras="test,docs,browser")
    session.run("python", "-m", "docs.figures", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    install(session)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    install(session)
    session.run("mypy")


@nox.session
@nox.parametrize("version", ["lowest", "newest"])
def mlflow(session: nox.Session, version: str) -> None:
    """MLflow's own client reads back what lrlab wrote, with the lowest and the newest MLflow of pyproject.toml.

    lrlab writes the rows of known schemas itself, and leaves a later one to the client: `tracking/sqlite_store.py`.
    """
    install(session)
    dependencies = nox.project.load_toml("pyproject.toml")["project"]["dependencies"]
    (allowed,) = (each for each in dependencies if each.startswith("mlflow>="))
    session.install("--upgrade", allowed if version == "newest" else allowed.partition(",")[0].replace(">=", "=="))
    session.run("pytest", "tests/tracking", *session.posargs)


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """The tests with the lowest versions that pyproject.toml allows, in an environment of their own."""
    install(session, "constraints-lowest.txt")
    session.run("pytest", *TWO_CORES, *session.posargs)
