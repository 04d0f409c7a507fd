"""conf/ and the classes are the same set: every choice names a class and spells its fields and defaults."""

import dataclasses
import inspect
from pathlib import Path

import pytest
import yaml

from lrlab.config.instantiate import instantiate
from lrlab.core import loss, model, neighbours, optimizer, regularizer, schedule
from lrlab.data import arrays, cifar10, digits, images, mnist, spirals, table
from lrlab.tracking import memory_tracker, mlflow
from lrlab.training.methods import gradient, knn, newton, random_search, test_function

CONF = Path(__file__).parents[2] / "conf"
MODULES = {
    "data": [arrays, cifar10, digits, images, mnist, spirals, table],
    "method": [gradient, random_search, newton, knn, test_function],
    "model": [model, neighbours],
    "loss": [loss],
    "regularizer": [regularizer],
    "optimizer": [optimizer],
    "schedule": [schedule],
    "tracking": [memory_tracker, mlflow],
}
VERBS = {
    "data": ("load",),
    "method": ("new_population",),
    "model": ("init", "votes"),
    "loss": ("value_and_grad",),
    "regularizer": ("add_gradient",),
    "optimizer": ("update",),
    "schedule": ("decay",),
    "tracking": ("open",),
}
GIVEN = {"kind"}  # what the program says itself, not the configuration
CHOICES = sorted(path for path in CONF.glob("*/*.yaml") if path.parent.name != "experiment")  # choices of choices


def targets(group: str) -> set[str]:
    """The configuration classes of a group: frozen dataclasses with a verb of the group."""
    return {
        f"{module.__name__}.{name}"
        for module in MODULES[group]
        for name, member in inspect.getmembers(module, inspect.isclass)
        if dataclasses.is_dataclass(member) and member.__module__ == module.__name__
        if any(hasattr(member, verb) for verb in VERBS[group])
    }


def test_every_group_is_known() -> None:
    assert {path.parent.name for path in CHOICES} == set(MODULES)


@pytest.mark.parametrize("group", MODULES)
def test_classes_and_files_are_the_same_set(group: str) -> None:
    named = [yaml.safe_load(path.read_text())["_target_"] for path in CHOICES if path.parent.name == group]
    assert len(named) == len(set(named))
    assert set(named) == targets(group)


@pytest.mark.parametrize("path", CHOICES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_file_spells_every_field_with_its_default(path: Path) -> None:
    fields = yaml.safe_load(path.read_text())
    fields.pop("defaults", None)  # what else the choice chooses
    made = instantiate(fields)
    default = type(made)()
    assert made == default
    assert set(fields) - {"_target_"} == {field.name for field in dataclasses.fields(default)} - GIVEN
    for name, value in fields.items():
        if name != "_target_":
            expected = getattr(default, name)
            assert value == (list(expected) if isinstance(expected, tuple) else expected), name
