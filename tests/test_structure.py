"""Who may import whom, what nobody may call, and how large a file may be: read from the sources themselves."""

import ast
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "lrlab").rglob("*.py"), *(ROOT / "hydra_plugins").rglob("*.py")])
HEAVY = ("mlflow", "optuna", "hydra", "omegaconf", "matplotlib", "altair", "vl_convert", "sklearn", "scipy")

# The floors of lrlab, bottom up. A package imports from those below it, and never from one beside it.
FLOORS = (
    ("errors", "runtime"),
    ("config", "plotting"),
    ("core", "tracking", "scaling_law"),
    ("data",),
    ("training",),
    ("runs",),
    ("sweeper",),
    ("analysis", "tables"),
    ("lecture", "commands"),
    ("cli",),
    ("api",),
)
FLOOR_OF = {package: floor for floor, packages in enumerate(FLOORS) for package in packages}
LOOSE = {"__init__", "__main__", "errors"}  # modules that may lie at the top of lrlab/, beside its packages

# The only places of what is large, slow to import or easily misused.
PLACES = {
    "mlflow": ("lrlab.tracking.client_store", "lrlab.tracking.registry", "lrlab.tracking.classifier"),
    "optuna": ("lrlab.sweeper", "lrlab.analysis", "lrlab.commands", "lrlab.tables.optuna_study"),
    "hydra": ("lrlab.config", "lrlab.sweeper", "lrlab.cli.app", "lrlab.cli.hydra_app", "hydra_plugins"),
    "omegaconf": ("lrlab.config", "lrlab.sweeper", "lrlab.cli.app", "lrlab.cli.hydra_app", "hydra_plugins"),
    "matplotlib": ("lrlab.plotting",),
    "altair": ("lrlab.plotting", "lrlab.analysis.report", "lrlab.lecture.figures"),
    "vl_convert": ("lrlab.plotting.vega",),
    "sklearn": (),
    "submitit": ("lrlab.sweeper.launching.slurm",),
    "pickle": (),
    "cloudpickle": (),
    "dill": (),
    "joblib": (),
    "marshal": (),
    "ray": ("lrlab.sweeper.launching.ray",),
    "shelve": (),
}


def name(path: Path) -> str:
    """lrlab/core/model.py -> lrlab.core.model; a package's __init__.py goes by the package's name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name(path): path for path in SOURCES}


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@cache
def imports(module: str, *, for_types: bool = True) -> frozenset[str]:
    """Every module that a module imports: late imports too, and with ``for_types`` those under TYPE_CHECKING."""
    return frozenset(_imports(ast.parse(MODULES[module].read_text()), for_types))


def _imports(node: ast.AST, for_types: bool) -> Iterator[str]:
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING") and not for_types:
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative import"
        for alias in node.names:
            submodule = f"{node.module}.{alias.name}"
            yield submodule if submodule in MODULES else str(node.module)
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, for_types)


def package(module: str) -> str:
    """lrlab.core.model -> core; the package itself, ``lrlab``, has none."""
    return module.split(".")[1] if "." in module else ""


def test_every_package_has_a_floor() -> None:
    top = {path.stem for path in (ROOT / "lrlab").iterdir() if path.suffix == ".py"}
    packages = {path.parent.name for path in (ROOT / "lrlab").glob("*/__init__.py")}
    assert top == LOOSE
    assert packages | {"errors"} == FLOOR_OF.keys()


def test_imports_point_down() -> None:
    upwards = [
        f"{module} imports {other}"
        for module in MODULES
        if package(module) in FLOOR_OF
        for other in imports(module)
        if package(other) in FLOOR_OF and other.startswith("lrlab.")
        if package(other) != package(module) and FLOOR_OF[package(other)] >= FLOOR_OF[package(module)]
    ]
    assert not upwards


@pytest.mark.parametrize("library", PLACES)
def test_places(library: str) -> None:
    importers = [
        module for module in MODULES if any(within(other, library) for other in imports(module, for_types=False))
    ]
    assert importers or not PLACES[library]
    assert [module for module in importers if not within(module, library, *PLACES[library])] == []


def test_core_is_numpy_and_siblings_that_do_not_know_each_other() -> None:
    for module in (module for module in MODULES if within(module, "lrlab.core")):
        foreign = {other for other in imports(module) if other.partition(".")[0] not in sys.stdlib_module_names}
        allowed = {"numpy", "annotated_types", "lrlab.core.blas"}
        if module == "lrlab.core.noise_scale":  # the numbers of a user's own table
            allowed |= {"lrlab.config.validation"}
        if module == "lrlab.core.blas":
            allowed |= {"lrlab.runtime.scipy_blas"}
        if module == "lrlab.core.compiled":  # their formulas once more
            allowed |= {"numba", "lrlab.core.optimizer", "lrlab.core.regularizer"}
        if module == "lrlab.core.gradcheck":
            allowed |= {"lrlab.core.model", "lrlab.core.loss", "lrlab.core.regularizer"}
        assert foreign <= allowed, module


def test_the_scaling_analysis_stands_alone() -> None:
    for module in (module for module in MODULES if within(module, "lrlab.scaling_law")):
        ours = {other for other in imports(module) if within(other, "lrlab")}
        assert all(
            within(other, "lrlab.errors", "lrlab.config.validation", "lrlab.scaling_law") or other == "lrlab.config"
            for other in ours
        ), module


def test_no_circles() -> None:
    TopologicalSorter({module: imports(module) - {module} for module in MODULES}).prepare()
    by_package: dict[str, set[str]] = defaultdict(set)
    for module in MODULES:
        by_package[package(module)] |= {package(other) for other in imports(module) if other.startswith("lrlab.")}
    TopologicalSorter({name: others - {name} for name, others in by_package.items()}).prepare()


def test_data_is_never_loaded_as_code() -> None:
    dangerous = {"eval", "exec", "yaml.load", "yaml.full_load", "yaml.unsafe_load"}
    offences = []
    for module, path in MODULES.items():
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        for call in calls:
            function = ast.unparse(call.func)
            pickles = [ast.unparse(option.value) for option in call.keywords if option.arg == "allow_pickle"]
            unsaid = function == "np.load" and not pickles
            if function in dangerous or unsaid or pickles not in ([], ["False"]):
                offences.append(f"{module}: {ast.unparse(call)}")
    assert not offences


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("lrlab", ()),
        ("lrlab.cli.main", ()),
        ("lrlab.training.configuration", ()),
        ("lrlab.runs.recorder", ()),
        ("lrlab.runs.loop", ()),
        ("lrlab.tracking.mlflow", ()),
        ("hydra_plugins.lrlab_plugin", ("hydra", "omegaconf")),
    ],
)
def test_heavy_packages_are_imported_late(module: str, allowed: tuple[str, ...]) -> None:
    program = f"import sys, {module}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert module in loaded
    assert loaded & set(HEAVY) <= set(allowed)


# Tests that follow a user through several modules, or what is not in lrlab/
END_TO_END = (
    "bad_input",
    "browser/*",
    "benchmarks/*",
    "config/compose_all",
    "config/bounds",  # of the classes of core, data and training
    "config/conf",
    "examples/*",
    "examples",
    "fault_injection/*",
    "journey",
    "lecture/chapters",
    "machines/*",
    "methods",
    "parity/parity",
    "pasted_commands",
    "plugin/*",
    "documentation",
    "structure",
    "vocabulary",
)
# Modules without a test of their name, and the tests that reach them; None where there is nothing to run
WITHOUT_A_TEST = {
    "sweeper/study/*_store": "tests/sweeper/study/test_trial_store.py",
    "sweeper/study/memory": "tests/sweeper/study/test_queue.py",
    "sweeper/study/tables": "tests/sweeper/study/test_trial_store.py",
    "__main__": "tests/fault_injection/test_signals.py",
    "analysis/report/report": "tests/commands/test_report.py",
    "analysis/report/sections": "tests/commands/test_report.py",
    "cli/*": "tests/test_journey.py",
    "api/html": "tests/api/test_training.py",
    "config/schema": None,
    "data/columns": None,
    "data/spec": None,
    "errors": None,
    "lecture/claims": None,
    "lecture/chapters/*": "tests/lecture/test_chapters.py",
    "sweeper/launching/probe": "tests/machines/test_slurm.py",
    "sweeper/launching/ray": "tests/machines/test_ray.py",
    "sweeper/launching/slurm": "tests/machines/test_slurm.py",
    "sweeper/runners/protocols": None,
    "sweeper/sweeper": "tests/sweeper/test_sweeper.py",
    "tracking/client_store": "tests/tracking/test_mlflow.py",
    "tracking/store": None,
    "tracking/tags": None,
    "training/methods/gradient": "tests/training/test_population.py",
}


def test_tests_mirror_the_package() -> None:
    modules = {
        path.relative_to(ROOT / "lrlab").with_suffix("").as_posix()
        for path in (ROOT / "lrlab").rglob("*.py")
        if path.name != "__init__.py"
    }
    tests = {
        path.relative_to(ROOT / "tests").with_name(path.stem.removeprefix("test_")).as_posix()
        for path in (ROOT / "tests").rglob("test_*.py")
    }
    for test in tests - modules:
        assert any(fnmatch(test, pattern) for pattern in END_TO_END), f"there is no lrlab/{test}.py to test"
    for module in modules - tests:
        assert any(fnmatch(module, pattern) for pattern in WITHOUT_A_TEST), f"no test is called after {module}"
    for pattern, test_file in WITHOUT_A_TEST.items():
        assert any(fnmatch(module, pattern) for module in modules), f"{pattern} has gone"
        assert test_file is None or (ROOT / test_file).is_file(), f"{test_file} has gone"


def test_the_lowest_versions_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    bounds = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    lowest = {
        found[1].lower(): found[2] for bound in bounds if (found := re.match(r"([\w-]+)(?:\[\w+\])?>=([\d.]+)", bound))
    }
    assert len(lowest) == len(set(bounds))
    tested = dict(re.findall(r"^([\w-]+)==([\d.]+)", (ROOT / "constraints-lowest.txt").read_text().lower(), re.M))
    for name, version in lowest.items():
        assert Version(tested.get(name, "0")) == Version(version), f"constraints-lowest.txt must pin {name}=={version}"


def test_files_fit_in_the_head_and_are_named_after_what_is_in_them() -> None:
    vague = {"utils", "helpers", "common", "base", "manager"}
    for path in [*SOURCES, *(ROOT / "tests").rglob("*.py")]:
        place = path.relative_to(ROOT).with_suffix("")
        assert len(path.read_text().splitlines()) < 400, place
        assert not vague & set(place.parts)
