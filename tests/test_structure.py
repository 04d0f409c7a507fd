"""Who may import whom, what nobody may call, and how large a file may be: read from the sources themselves."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "lrlab").rglob("*.py"), *(ROOT / "hydra_plugins").rglob("*.py")])
HEAVY = ("mlflow", "optuna", "hydra", "omegaconf", "matplotlib", "sklearn", "scipy")

# The rooms and the modules beside them that a room may use.
ROOMS = {
    "lrlab.core": ("lrlab.errors",),
    "lrlab.data": ("lrlab.errors", "lrlab.core"),
    "lrlab.tracking": ("lrlab.errors", "lrlab.owner", "lrlab.core"),
    "lrlab.training": ("lrlab.errors", "lrlab.core", "lrlab.data"),
    "lrlab.analysis": ("lrlab.errors", "lrlab.core", "lrlab.tracking", "lrlab.sweep"),
    "lrlab.lecture": (
        "lrlab.errors",
        "lrlab.core",
        "lrlab.data",
        "lrlab.training",
        "lrlab.tracking",
        "lrlab.analysis",
        "lrlab.configuration",
        "lrlab.recording",
        "lrlab.show",
    ),
    "lrlab.sweep": (
        "lrlab.errors",
        "lrlab.owner",
        "lrlab.stopping",
        "lrlab.core",
        "lrlab.data",
        "lrlab.training",
        "lrlab.tracking",
        "lrlab.configuration",
        "lrlab.instantiate",
        "lrlab.recording",
    ),
}

# The only places of what is large, slow to import or easily misused.
PLACES = {
    "mlflow": ("lrlab.tracking.mlflow", "lrlab.tracking.registry", "lrlab.tracking.classifier"),
    "optuna": ("lrlab.sweep",),
    "hydra": ("lrlab.app", "lrlab.door", "lrlab.sweep", "lrlab.instantiate", "hydra_plugins"),
    "omegaconf": ("lrlab.app", "lrlab.door", "lrlab.sweep", "lrlab.instantiate", "hydra_plugins"),
    "matplotlib": ("lrlab.analysis", "lrlab.sweep.figures"),
    "sklearn": (),
    "lrlab.app": ("lrlab.cli", "lrlab.__main__"),
    "lrlab.cli": (),
    "pickle": (),
    "cloudpickle": (),
    "dill": (),
    "joblib": (),
    "marshal": (),
    "shelve": (),
}


def name(path: Path) -> str:
    """lrlab/core/model.py -> lrlab.core.model; a package's __init__.py goes by the package's name."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name(path): path for path in SOURCES}


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@cache
def imports(module: str) -> frozenset[str]:
    """Every module that is imported when the module runs, late imports included."""
    tree = ast.parse(MODULES[module].read_text())
    return frozenset(_imports(tree))


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative import"
        for alias in node.names:
            submodule = f"{node.module}.{alias.name}"
            yield submodule if submodule in MODULES else str(node.module)
    for child in ast.iter_child_nodes(node):
        yield from _imports(child)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms(room: str) -> None:
    inside = [module for module in MODULES if within(module, room)]
    assert inside
    trespasses = [
        f"{module} imports {other}"
        for module in inside
        for other in imports(module)
        if other.startswith("lrlab.") and not within(other, room, *ROOMS[room])
    ]
    assert not trespasses


@pytest.mark.parametrize("package", PLACES)
def test_places(package: str) -> None:
    importers = [module for module in MODULES if any(within(other, package) for other in imports(module))]
    assert importers or not PLACES[package]
    assert [module for module in importers if not within(module, package, *PLACES[package])] == []


def test_core_is_numpy_and_siblings_that_do_not_know_each_other() -> None:
    for module in (module for module in MODULES if within(module, "lrlab.core")):
        foreign = {other for other in imports(module) if other.partition(".")[0] not in sys.stdlib_module_names}
        allowed = {"numpy", "lrlab.errors", "lrlab.core.check", "lrlab.core.blas"}
        if module == "lrlab.core.blas":
            allowed |= {"scipy.linalg"}
        if module == "lrlab.core.gradcheck":
            allowed |= {"lrlab.core.model", "lrlab.core.loss", "lrlab.core.regularizer"}
        assert foreign <= allowed, module


def test_no_circles() -> None:
    TopologicalSorter({module: imports(module) for module in MODULES}).prepare()


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
        ("lrlab.cli", ()),
        ("lrlab.configuration", ()),
        ("lrlab.recording", ()),
        ("lrlab.training.solo", ()),
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


def test_files_fit_in_the_head_and_are_named_after_what_is_in_them() -> None:
    vague = {"utils", "helpers", "common", "base", "manager"}
    for path in [*SOURCES, *(ROOT / "tests").rglob("*.py")]:
        place = path.relative_to(ROOT).with_suffix("")
        assert len(path.read_text().splitlines()) < 400, place
        assert not vague & set(place.parts)
