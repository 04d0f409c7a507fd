"""Every number, flag and choice of conf/ has a bound, declared where the field is, and refused with its key."""

import dataclasses
import math
import re
from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from annotated_types import Ge, Interval, doc

from lrlab.config.instantiate import instantiate
from lrlab.config.validation import AtMost, check_fields
from lrlab.errors import InputError
from lrlab.training.experiment import Experiment
from tests.config.test_conf import CHOICES

NO_NUMBERS = [math.nan, math.inf, -math.inf, 10**400, "0.5", None, True, [0.5]]
NO_INTEGERS = [1.5, 2.0, math.nan, "8", None, True, [8]]
TINY = math.ulp(0)  # the least float above 0
BELOW_1, ABOVE_1 = math.nextafter(1, 0), math.nextafter(1, 2)

# rule: values that it admits, and values that it refuses, close to its bounds
RULES: dict[str, tuple[list[object], list[object]]] = {
    "a number > 0": ([TINY, 1, 1e300], [0, -0.0, -1, *NO_NUMBERS]),
    "a number >= 0": ([0, 0.0, 1e300], [-TINY, -1, *NO_NUMBERS]),
    "a number >= 1": ([1, 1.5], [BELOW_1, 0, *NO_NUMBERS]),
    "a number >= 0 and < 1": ([0, BELOW_1], [-TINY, 1, 1.5, *NO_NUMBERS]),
    "a number >= 0 and <= 1": ([0, 1, 0.5], [-TINY, ABOVE_1, *NO_NUMBERS]),
    "a number > 0 and <= 1": ([TINY, 1], [0, ABOVE_1, *NO_NUMBERS]),
    "0 with regularizer=none (regularizer=l2 has one)": ([0, 0.0], [0.1, -TINY, *NO_NUMBERS]),
    "an integer >= 1": ([1, 2], [0, -1, *NO_INTEGERS]),
    "an integer >= 2": ([2], [1, *NO_INTEGERS]),
    "an integer >= 0": ([0, 1], [-1, 0.5, *NO_INTEGERS]),
    "true or false": ([True, False], [0, 1, "true", None]),
    "one of l1, l2": (["l1", "l2"], ["cosine", 1, None, ["l1"]]),
    "one of quadratic, saddle, double_well, rosenbrock, beale": (["saddle"], ["himmelblau", "", None]),
    "a list of widths": ([[100], [1, 2]], [[], 100, "100", None, {100}, {"width": 100}]),
    "null or the path of a folder": ([None, "data"], [5, ["a"]]),
    "null or a path": ([None, "/data/a b.csv"], [5, ["a"], True]),
    "null or the name of a column": ([None, "a, b"], [5, ["a"]]),
    "null or a list of column names": ([None, ["a"], ["a", "b=c"]], ["a", [], {"a": 1}]),
    "null or [height, width]": ([None, [8, 9]], [[], 8, "8x9", {8}]),
    "one character": ([";", "\t"], [5, None]),
    "one of refuse, impute": (["impute"], ["drop", None, True]),
    "a number > 0 and < 1": ([TINY, BELOW_1], [0, 1, 20, *NO_NUMBERS]),
    "an integer >= 1 and <= 49999": ([1, 49999], [0, 50_000, "many", *NO_INTEGERS]),
    "an integer >= 1 and <= 45000": ([None, 1, 45_000], [0, 45_001, True, 1.5]),
    "an integer >= 1 and <= 59999": ([1, 59_999], [0, 60_000, *NO_INTEGERS]),
    "an integer >= 1 and <= 54000": ([None, 1, 54_000], [0, 54_001, True]),
    "an integer >= 1 and <= 1436": ([1, 1436], [0, 1437, *NO_INTEGERS]),
    "an integer >= 1 and <= 1077": ([None, 1, 1077], [0, 1078, 2.0]),
    "an integer >= 1 and <= 1795": ([1], [0, 1796, *NO_INTEGERS]),
    "an integer >= 1 and <= 1199": ([1], [0, 1200, *NO_INTEGERS]),
    "an integer >= 1 and <= 900": ([None, 900], [0, 901, True]),
    "an integer >= 1 and <= 1498": ([1], [0, 1499, *NO_INTEGERS]),
}
MOMENTS = {"beta1": "a number >= 0 and < 1", "beta2": "a number >= 0 and < 1", "eps": "a number > 0"}
LR, STRENGTH, WARMUP = {"lr": "a number > 0"}, {"strength": "a number >= 0"}, {"warmup": "a number >= 0 and < 1"}
FETCHED = {"root": "null or the path of a folder", "split_seed": "an integer >= 0"}
OWN = {
    "path": "null or a path",
    "test": "a number > 0 and < 1",
    "validation": "a number > 0 and < 1",
    "split_seed": "an integer >= 0",
    "train_size": "an integer >= 1",
}
BOUNDS: dict[str, dict[str, str]] = {
    "data/arrays": OWN,
    "data/images": OWN | {"test_path": "null or a path", "size": "null or [height, width]", "color": "true or false"},
    "data/table": OWN
    | {
        "target": "null or the name of a column",
        "test_path": "null or a path",
        "split_column": "null or the name of a column",
        "categorical": "null or a list of column names",
        "ignore": "null or a list of column names",
        "missing": "one of refuse, impute",
        "delimiter": "one character",
    },
    "data/cifar10": FETCHED
    | {"validation": "an integer >= 1 and <= 49999", "train_size": "an integer >= 1 and <= 45000"},
    "data/mnist": FETCHED
    | {"validation": "an integer >= 1 and <= 59999", "train_size": "an integer >= 1 and <= 54000"},
    "data/digits": {
        "test": "an integer >= 1 and <= 1795",
        "validation": "an integer >= 1 and <= 1436",
        "split_seed": "an integer >= 0",
        "train_size": "an integer >= 1 and <= 1077",
    },
    "data/spirals": {
        "classes": "an integer >= 2",
        "points": "an integer >= 2",
        "noise": "a number >= 0",
        "test": "an integer >= 1 and <= 1498",
        "validation": "an integer >= 1 and <= 1199",
        "split_seed": "an integer >= 0",
        "train_size": "an integer >= 1 and <= 900",
    },
    "method/newton": {"steps": "an integer >= 1", "tolerance": "a number > 0", "largest": "an integer >= 1"},
    "method/random_search": {"draws": "an integer >= 1"},
    "method/test_function": {
        "function": "one of quadratic, saddle, double_well, rosenbrock, beale",
        "condition": "a number >= 1",
        "steps": "an integer >= 1",
    },
    "model/linear": {"init_scale": "a number >= 0"},
    "model/mlp": {"hidden": "a list of widths"},
    "model/knn": {"k": "an integer >= 1", "metric": "one of l1, l2"},
    "optimizer/sgd": LR,
    "optimizer/momentum": LR | {"rho": "a number >= 0 and < 1", "nesterov": "true or false"},
    "optimizer/rmsprop": LR | {"beta": "a number >= 0 and < 1", "eps": "a number > 0"},
    "optimizer/adam": LR | MOMENTS,
    "optimizer/adamw": LR | MOMENTS | {"weight_decay": "a number >= 0"},
    "regularizer/none": {"strength": "0 with regularizer=none (regularizer=l2 has one)"},
    "regularizer/l1": STRENGTH,
    "regularizer/l1_proximal": STRENGTH,
    "regularizer/l2": STRENGTH,
    "regularizer/elastic_net": STRENGTH | {"l1_ratio": "a number >= 0 and <= 1"},
    "schedule/constant": WARMUP,
    "schedule/linear": WARMUP,
    "schedule/step": WARMUP | {"every": "a number > 0 and <= 1", "gamma": "a number > 0 and <= 1"},
    "schedule/cosine": WARMUP | {"floor": "a number >= 0 and <= 1"},
    "schedule/inverse_sqrt": WARMUP | {"timescale": "a number > 0"},
}
CONFIGS = {f"{path.parent.name}/{path.stem}": yaml.safe_load(path.read_text()) for path in CHOICES}
SMALLER: dict[tuple[str, str], dict[str, object]] = {  # what makes room for the values that are admitted
    ("data/digits", "validation"): {"train_size": None},
    ("data/spirals", "classes"): {"test": 1, "validation": 1},
    ("data/spirals", "points"): {"test": 1, "validation": 1},
}


CASES = [(choice, field, rule) for choice, fields in BOUNDS.items() for field, rule in fields.items()]


def build(choice: str, **values: object) -> object:
    config = {name: value for name, value in CONFIGS[choice].items() if name != "defaults"}
    return instantiate(config | values, key=choice.partition("/")[0])


def test_every_field_of_every_choice_has_a_bound() -> None:
    fields = {
        choice: set(config) - {"_target_", "defaults"}
        for choice, config in CONFIGS.items()
        if not choice.startswith("tracking")
    }
    assert {choice: names for choice, names in fields.items() if names} == {c: set(f) for c, f in BOUNDS.items()}


@pytest.mark.parametrize(("choice", "field", "rule"), CASES)
def test_a_value_just_within_the_bounds_is_admitted(choice: str, field: str, rule: str) -> None:
    for good in RULES[rule][0]:
        made = build(choice, **SMALLER.get((choice, field), {}) | {field: good})
        assert getattr(made, field) == (tuple(good) if isinstance(good, list) else good)


@pytest.mark.parametrize(("choice", "field", "rule"), CASES)
def test_a_value_just_outside_is_refused_with_its_key(choice: str, field: str, rule: str) -> None:
    for bad in RULES[rule][1]:
        if bad is None and CONFIGS[choice][field] is None:
            continue
        with pytest.raises(InputError) as refusal:
            build(choice, **{field: bad})
        assert str(refusal.value) == f"{choice.partition('/')[0]}.{field} must be {rule}, got {bad!r}"


@pytest.mark.parametrize("bad", [0, -5, 10.0, "10", None, True, [5]])
def test_every_element_of_a_list_is_checked(bad: object) -> None:
    with pytest.raises(InputError) as refusal:
        build("model/mlp", hidden=[20, bad])
    assert str(refusal.value) == f"model.hidden must be an integer >= 1, got {bad!r}"


@pytest.mark.parametrize(
    ("choice", "values", "message"),
    [
        (
            "data/digits",
            {"test": 1000, "validation": 797},
            "data.validation must be an integer >= 1 and <= 796, got 797",
        ),
        ("data/spirals", {"validation": 1200}, "data.validation must be an integer >= 1 and <= 1199, got 1200"),
        (
            "data/cifar10",
            {"validation": 9, "train_size": 49_992},
            "data.train_size must be an integer >= 1 and <= 49991, got 49992",
        ),
    ],
)
def test_a_bound_may_depend_on_other_fields(choice: str, values: dict, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        build(choice, **values)


@pytest.mark.parametrize(
    ("field", "rule"),
    [
        ("batch_size", "an integer >= 1"),
        ("epochs", "an integer >= 1"),
        ("updates", "an integer >= 1"),
        ("seed", "an integer >= 0"),
        ("dtype", "one of float32, float64"),
        ("evaluate", "one of epoch, log"),
    ],
)
def test_the_settings_of_an_experiment_go_by_their_bare_names(experiment, field: str, rule: str) -> None:
    words = {"dtype": "float64", "evaluate": "log"}
    bads = ["float16", "double", 32, None] if field in words else RULES[rule][1]
    for bad in bads:
        if (field, bad) == ("updates", None):  # epochs decide
            continue
        with pytest.raises(InputError) as refusal:
            check_fields(experiment(**{field: bad}))
        assert str(refusal.value) == f"{field} must be {rule}, got {bad!r}"
    check_fields(experiment(**{field: words.get(field, 1)}))
    assert field in {f.name for f in dataclasses.fields(Experiment)}


@dataclasses.dataclass
class Users:
    """A class of somebody else's."""

    share: Annotated[float, Interval(gt=0, lt=1)] | None = None
    size: int = 9
    few: Annotated[int, Ge(1), AtMost(lambda made: made.size)] = 3
    name: Annotated[str, doc("a name")] = "x"
    mode: Literal["a", "b"] = "a"
    anything: object = None
    either: object | int = "x"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"share": 1}, "a.b.share must be a number > 0 and < 1, got 1"),
        ({"size": 1.0}, "a.b.size must be an integer, got 1.0"),
        ({"size": 5, "few": 6}, "a.b.few must be an integer >= 1 and <= 5, got 6"),
        ({"size": 10**7, "few": 10**7 + 1}, "a.b.few must be an integer >= 1 and <= 10000000, got 10000001"),
        ({"name": 3}, "a.b.name must be a name, got 3"),
        ({"mode": "c"}, "a.b.mode must be one of a, b, got 'c'"),
    ],
)
def test_check_fields(values: dict, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        check_fields(Users(**values), "a.b")


def test_what_declares_nothing_is_not_checked() -> None:
    check_fields(Users(anything=math.nan, either=[1]))
    check_fields(Path("x"))
