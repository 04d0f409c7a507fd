from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from lrlab.errors import InputError
from lrlab.sweep.search.grammar import parse_space, value_text
from lrlab.sweep.search.space import Space

pytestmark = pytest.mark.filterwarnings("error")


def read(*overrides: str) -> Space:
    return parse_space(OverridesParser.create().parse_overrides(list(overrides)))


@pytest.mark.parametrize(
    ("override", "distribution", "values"),
    [
        ("a=1,2", CategoricalDistribution((1, 2)), [1, 2]),
        ("a=choice(x,y)", CategoricalDistribution(("x", "y")), ["x", "y"]),
        ("a=choice(true,false)", CategoricalDistribution((True, False)), [True, False]),
        ("a=null,1", CategoricalDistribution((None, 1)), [None, 1]),
        ("a=float(1,2)", CategoricalDistribution((1.0, 2.0)), [1.0, 2.0]),
        ("a=choice([1,2],{b:3})", CategoricalDistribution(("[1,2]", "{b:3}")), ["[1,2]", "{b:3}"]),
        ("a=choice(1,true,1.0)", CategoricalDistribution(("1", "True", "1.0")), ["1", "True", "1.0"]),
        ("a=1,1,2", CategoricalDistribution((1, 2)), [1, 1, 2]),
        ("a=range(3)", IntDistribution(0, 2), [0, 1, 2]),
        ("a=range(1,10,3)", IntDistribution(1, 7, step=3), [1, 4, 7]),
        ("a=range(10,1,-3)", IntDistribution(4, 10, step=3), [10, 7, 4]),
        ("a=range(0,1,0.25)", FloatDistribution(0, 0.75, step=0.25), [0, 0.25, 0.5, 0.75]),
        ("a=range(0,1,0.1)", FloatDistribution(0, 0.9, step=0.1), [i / 10 for i in range(10)]),
        ("a=range(1,0,-0.25)", FloatDistribution(0.25, 1, step=0.25), [1, 0.75, 0.5, 0.25]),
        ("a=range(-0.3,0.2,0.1)", FloatDistribution(-0.3, 0.1, step=0.1), [-0.3, -0.2, -0.1, 0, 0.1]),
        ("a=interval(0,1)", FloatDistribution(0, 1), []),
        ("a=tag(log,interval(1e-4,1))", FloatDistribution(1e-4, 1, log=True), []),
        ("a=int(interval(1,8))", IntDistribution(1, 8), []),
        ("a=tag(log,int(interval(1,64)))", IntDistribution(1, 64, log=True), []),
        ("a=int(tag(log,interval(1,64)))", IntDistribution(1, 64, log=True), []),
    ],
)
def test_grammar(override: str, distribution: Any, values: Any) -> None:
    (dimension,) = read(override).dimensions
    assert dimension.distribution == distribution
    assert list(dimension.values) == values
    assert read(override).finite == bool(values)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("a.b=interval(1,0)", "a.b: the ends of an interval must be finite and in order, got interval(1.0, 0.0)"),
        ("a=interval(nan,1)", "a: the ends of an interval must be finite and in order, got interval(nan, 1.0)"),
        ("a=interval(0,inf)", "a: the ends of an interval must be finite and in order, got interval(0.0, inf)"),
        ("a=tag(log,interval(0,1))", "a: a log scale needs an interval above 0, got interval(0.0, 1.0)"),
        ("a=tag(log,int(interval(-2,1)))", "a: a log scale needs an interval above 0, got interval(-2, 1)"),
        (
            "a=interval(-1e308,1e308)",
            "a: the ends of an interval must differ by less than 1.8e308, got interval(-1e+308, 1e+308)",
        ),
        ("a=range(0,1,0)", "a: a range needs finite ends and a step other than 0, got range(0, 1, 0)"),
        ("a=int(range(0,3,0.5))", "a: a range needs finite ends and a step other than 0, got range(0, 3, 0)"),
        ("a=range(0,1,nan)", "a: a range needs finite ends and a step other than 0, got range(0, 1, nan)"),
        ("a=range(0,inf,1)", "a: a range needs finite ends and a step other than 0, got range(0, inf, 1)"),
        ("a=range(1,1)", "a must have at least one value, got range(1,1)"),
        ("a=tag(x,interval(0,1))", "a: the tags are log and prior:NUMBER, of an interval, got a=tag(x,interval(0,1))"),
        ("a=tag(log,choice(1,2))", "a: the tags are log and prior:NUMBER, of an interval, got a=tag(log,choice(1,2))"),
        ("hydra.verbose=a,b", "Sweeping over Hydra's configuration is not supported : 'hydra.verbose=a,b'"),
    ],
)
def test_refusals_name_the_key(override: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read(override)
    assert str(error.value) == message


@pytest.mark.parametrize(
    "override", ["a=1", "+a=1", "++a=1", "~a", "~a=1", "a@b=c", "a='x y'", "a=[1,2]", "a=null", "hydra.verbose=True"]
)
def test_what_is_not_swept_stays_as_it_is(override: str) -> None:
    assert read(override).overrides({}) == (override,)
    assert list(read(override).combinations()) == [{}]


def test_combinations_go_as_in_hydra_the_last_key_fastest() -> None:
    combined = read("+a=1,2", "b=x", "c=range(3)")
    written = [combined.overrides(params) for params in combined.combinations()]
    assert written == [("+a=" + a, "b=x", "c=" + c) for a in "12" for c in "012"]


@pytest.mark.parametrize("override", ["a=choice('x,y',z)", "a='1',2", "a=choice({b:[1,'c d']},e)", "a='',b"])
def test_choices_read_back_as_what_was_given(override: str) -> None:
    parser = OverridesParser.create()
    given = [element for element in parser.parse_override(override).sweep_string_iterator()]
    combined = read(override)
    again = [combined.overrides(params)[0].removeprefix("a=") for params in combined.combinations()]
    assert again == given
    for text in again:
        assert not parser.parse_override(f"a={text}").is_sweep_override()


TEXTS = [
    "1",
    "true",
    "null",
    "1e-3",
    "nan",
    "",
    "a b",
    " a",
    "it's",
    "a\\",
    "a,b",
    "[1]",
    "{a:1}",
    "a=b",
    "é\n",
    "q\\'z",
]


@pytest.mark.parametrize("value", [*TEXTS, "choice(1,2)", "${x}", "~", "x:y", 1, 1.0, 1e22, True, None])
def test_a_value_is_read_back_with_its_type(value: Any) -> None:
    read_back = OverridesParser.create().parse_override(f"key={value_text(value)}").value()
    read_back = read_back.text if isinstance(read_back, QuotedString) else read_back
    assert (type(read_back), read_back) == (type(value), value)


@given(st.text())
def test_any_text_is_read_back(text: str) -> None:
    test_a_value_is_read_back_with_its_type(text)


def test_the_name_of_a_choice_gets_no_quotes() -> None:
    assert [value_text(name) for name in ("adamw", "my/group", "b c")] == ["adamw", "my/group", r"b\ c"]


@given(st.permutations(["x", "y", "z"]), st.integers(0, 2))
def test_a_choice_reads_back_whatever_the_order(order: Any, index: Any) -> None:
    combined = read(f"a=choice({','.join(order)})")
    assert combined.overrides({"a": order[index]}) == (f"a={order[index]}",)


def test_a_shuffled_choice_is_the_space_it_shuffles() -> None:
    for override, plain in [("a=shuffle(1,2,3)", "a=1,2,3"), ("a=shuffle(range(1,4))", "a=range(1,4)")]:
        shuffled = read(override)
        assert shuffled.definitions == read(plain).definitions
        assert sorted(shuffled.dimensions[0].values) == [1, 2, 3]


@pytest.mark.parametrize(
    ("one", "same"),
    [("a=1,2", "a=choice(1, 2)"), ("a=interval(0, 1)", "a=interval(0.0,1.0)"), ("a=range(3)", "a=range(0,3,1)")],
)
def test_equal_spaces_are_shown_alike(one: Any, same: Any) -> None:
    assert read(one).definitions == read(same).definitions


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a=interval(0.1,1)", "a=tag(log,interval(0.1,1))"),
        ("a=interval(1,8)", "a=int(interval(1,8))"),
        ("a=1,2", "a=2,1"),
        ("a=1,2", "a='1','2'"),
        ("a=range(3)", "a=range(4)"),
        ("a=interval(0,1)", "a=interval(0,1.5)"),
    ],
)
def test_different_spaces_are_shown_differently(one: Any, other: Any) -> None:
    assert read(one).definitions != read(other).definitions


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
