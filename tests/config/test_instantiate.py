import sys
from dataclasses import dataclass

import pytest
from omegaconf import OmegaConf

from lrlab.config.instantiate import instantiate, locate
from lrlab.core.optimizer import SGD, AdamW
from lrlab.errors import InputError

ADAMW = {"_target_": "lrlab.core.optimizer.AdamW", "lr": 0.002}


@dataclass(frozen=True)
class Pair:
    left: object
    right: object


PAIR = f"{__name__}.Pair"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setitem(sys.modules, __name__, sys.modules[Pair.__module__])


def test_builds_what_is_described():
    assert instantiate(ADAMW) == AdamW(lr=0.002)
    assert instantiate(OmegaConf.create(ADAMW)) == AdamW(lr=0.002)


def test_builds_what_is_nested_in_dicts_and_lists_and_leaves_values_alone():
    config = {"a": [ADAMW, 1, "x"], "b": {"c": {"_target_": "lrlab.core.optimizer.SGD"}, "d": None}}
    assert instantiate(config) == {"a": [AdamW(lr=0.002), 1, "x"], "b": {"c": SGD(), "d": None}}


def test_builds_inside_out():
    config = {"_target_": PAIR, "left": ADAMW, "right": [1]}
    assert instantiate(config, allowed=("lrlab.", __name__)) == Pair(AdamW(lr=0.002), [1])


def test_resolves_interpolations_before_the_check():
    config = OmegaConf.create({"name": "os.system", "x": {"_target_": "${name}", "command": "true"}})
    with pytest.raises(InputError, match=r"^part\.x\._target_ must start with lrlab\., got 'os\.system'"):
        instantiate(config, key="part")


@pytest.mark.parametrize(
    ("config", "where"),
    [
        ({"_target_": "os.system"}, "_target_"),
        ({"a": {"_target_": "os.system"}}, "a._target_"),
        ({"a": [{"_target_": "lrlab.core.optimizer.SGD", "lr": {"_target_": "os.system"}}]}, "a[0].lr._target_"),
        ({"_target_": "lrlabx.core"}, "_target_"),
        ({"_target_": "lrlab"}, "_target_"),
        ({"_target_": 3}, "_target_"),
        ({"_target_": ["lrlab.core.optimizer.SGD"]}, "_target_"),
    ],
)
def test_refuses_what_is_not_allowed(config, where):
    with pytest.raises(InputError) as error:
        instantiate(config)
    assert str(error.value).startswith(f"{where} must start with lrlab., got")


def test_the_refusal_says_how_to_opt_in():
    with pytest.raises(InputError, match=r"to trust it: hydra\.sweeper\.allow=\[my_package\.\]"):
        instantiate({"_target_": "my_package.Thing"}, opt_in="hydra.sweeper.allow=[{}]")


def test_nothing_is_imported_before_everything_is_checked(tmp_path, monkeypatch):
    (tmp_path / "traceable.py").write_text("class Thing: pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError):
        instantiate([{"_target_": "traceable.Thing"}, {"_target_": "os.system"}], allowed=("traceable.",))
    assert "traceable" not in sys.modules
    instantiate([{"_target_": "traceable.Thing"}], allowed=("traceable.",))
    assert sys.modules.pop("traceable")


@pytest.mark.parametrize(
    "target",
    [
        "lrlab.core.optimizer.math.sqrt",  # a module it imports
        "lrlab.core.optimizer.dataclass",  # a name it imports
        "lrlab.core.optimizer.Array",  # another package's class by another name
        "lrlab.core.optimizer.SGD.init",  # an attribute of a class
        "lrlab.core.optimizer.Adagrad",
        "lrlab.nowhere.SGD",
        "lrlab..core.optimizer.SGD",
        "lrlab.core.optimizer",
        "lrlab.",
    ],
)
def test_a_target_is_a_class_that_the_package_defines(target):
    with pytest.raises(InputError, match="_target_"):
        instantiate({"_target_": target})


def test_a_function_is_not_called():
    with pytest.raises(InputError, match=r"^x\._target_ must name a class, got 'lrlab\.config\.instantiate\.locate'$"):
        instantiate({"_target_": "lrlab.config.instantiate.locate"}, key="x")


@pytest.mark.parametrize("word", ["_partial_", "_args_", "_recursive_", "_convert_"])
def test_other_underscored_keys_are_refused(word):
    with pytest.raises(InputError, match=rf"optimizer\.{word} is not supported"):
        instantiate(ADAMW | {word: True}, key="optimizer")


def test_arguments_the_class_does_not_take():
    with pytest.raises(InputError, match=r"^optimizer: AdamW: .*unexpected keyword argument 'lrr'"):
        instantiate(ADAMW | {"lrr": 1}, key="optimizer")


def test_what_the_class_refuses_passes_as_it_is():
    with pytest.raises(InputError, match=r"^optimizer\.lr must be a number > 0, got -1$"):
        instantiate(ADAMW | {"lr": -1}, key="optimizer")


def test_a_text_that_looks_like_an_interpolation_is_a_text():
    text = "${oc.decode:'{_target_: os.system}'}"
    assert instantiate({"_target_": PAIR, "left": text, "right": 0}, allowed=(__name__,)) == Pair(text, 0)


def test_locate_finds_functions_too():
    assert locate("lrlab.config.instantiate.locate", key="k", allowed=("lrlab",)) is locate
    with pytest.raises(InputError, match=r"^k must start with \(nothing\)"):
        locate("lrlab.config.instantiate.locate", key="k", allowed=())
