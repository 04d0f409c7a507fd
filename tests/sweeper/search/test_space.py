from typing import Any

import optuna
import pytest

from tests.sweeper.search.test_conditions import read

pytestmark = pytest.mark.filterwarnings("error")


def test_combinations_go_as_in_hydra_the_last_key_fastest() -> None:
    combined = read("+a=1,2", "b=x", "c=range(3)")
    written = [combined.overrides(params) for params in combined.combinations()]
    assert written == [("+a=" + a, "b=x", "c=" + c) for a in "12" for c in "012"]


def test_probes_touch_every_choice_and_both_ends() -> None:
    probes = read("a=x,y,z", "b=interval(0.1,1)", "c=3").boundary_overrides()
    assert {probe[0] for probe in probes} == {"a=x", "a=y", "a=z"}
    assert {probe[1] for probe in probes} == {"b=0.1", "b=1.0"}
    assert read("c=3").boundary_overrides() == (("c=3",),)
    assert read().boundary_overrides() == ((),)


def test_suggestions_lie_in_the_space_and_can_be_written() -> None:
    searched = read("a=x,y", "b=tag(log,interval(1e-3,1))", "c=int(interval(1,4))", "d=range(0,1,0.5)", "e=7")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(20):
        params = searched.suggest(study.ask())
        assert params["a"] in ("x", "y")
        assert 1e-3 <= params["b"] <= 1
        assert params["c"] in (1, 2, 3, 4)
        assert params["d"] in (0.0, 0.5)
        a, b, c, d, e = searched.overrides(params)
        assert (a, c, d, e) == (f"a={params['a']}", f"c={params['c']}", f"d={params['d']}", "e=7")
        assert float(b.removeprefix("b=")) == params["b"]


@pytest.mark.parametrize(
    ("override", "given", "stored"),
    [
        ("a=1,x,null", ["x", 1.0, None], ["x", 1, None]),
        ("a=true,x,2", ["x", True, 2], ["x", True, 2]),
        ("a=1,true,1.0,null", [1, True, 1.0, None], ["1", "True", "1.0", "null"]),
        ("a='1',1", ["1", 1], ["1", 1]),
        ("a=[1,'b c'],{k:2}", [[1, "b c"], {"k": 2}], ["[1,'b c']", "{k:2}"]),
        ("a=range(0,1,0.1)", [0, 0.3, 0.30000000000000004], [0.0, 0.3, 0.3]),
        ("a=range(9,0,-3)", [9, 3.0], [9, 3]),
        ("a=int(interval(-2,2))", [-2, 2.0], [-2, 2]),
        ("a=tag(log,interval(1e-3,1))", [1, 0.5], [1.0, 0.5]),
    ],
)
def test_values_as_the_study_holds_them(override: str, given: list[Any], stored: list[Any]) -> None:
    (dimension,) = read(override).dimensions
    held = [dimension.stored(value) for value in given]
    assert (held, list(map(type, held))) == (stored, list(map(type, stored)))


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("a=1,x", True),
        ("a=1,x", "1"),
        ("a=true,x", 1),
        ("a=range(3)", 3),
        ("a=range(3)", 0.5),
        ("a=range(3)", "1"),
        ("a=interval(0,1)", float("nan")),
        ("a=interval(0,1)", 1.0000001),
        ("a=int(interval(0,4))", 2.5),
        ("a=int(interval(0,4))", 10**400),
        ("a=int(interval(0,4))", True),
    ],
)
def test_what_a_key_never_has(override: str, value: Any) -> None:
    (dimension,) = read(override).dimensions
    with pytest.raises(ValueError, match="is no value of"):
        dimension.stored(value)


def test_the_size_of_a_space_is_known_without_listing_it() -> None:
    whole = [f"k{i}=range(1000)" for i in range(4)]
    assert read(*whole).size == 1000**4
    assert read(*whole, "o=a,b", k3="o=b").size == 1000**3 + 1000**4
    assert read().size == 1


def test_a_key_comes_after_those_on_which_it_depends() -> None:
    space = read("c=1,2", "b=1,2", "x=1,2", "a=1,2", c="b=1", b="a=2")
    assert [dimension.name for dimension in space.dimensions] == ["x", "a", "b", "c"]
    assert space.overrides({"x": 1, "a": 2, "b": 1, "c": 2}) == ("c=2", "b=1", "x=1", "a=2")
