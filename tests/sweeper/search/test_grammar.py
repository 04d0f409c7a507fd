from typing import Any

import numpy as np
import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from lrlab.errors import InputError
from lrlab.sweeper.search.grammar import parse_space, value_text
from lrlab.sweeper.search.space import Space

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
        ("a=range(0.1,0.4,0.1)", FloatDistribution(0.1, 0.3, step=0.1), [0.1, 0.2, 0.3]),
        ("a=range(1,0.7,-0.1)", FloatDistribution(0.8, 1, step=0.1), [1, 0.9, 0.8]),
        ("a=interval(0,1)", FloatDistribution(0, 1), []),
        ("a=interval(1,1)", FloatDistribution(1, 1), []),
        ("a=int(interval(-9007199254740992,9007199254740992))", IntDistribution(-(2**53), 2**53), []),
        ("a=tag(log,interval(1e-320,1e300))", FloatDistribution(1e-320, 1e300, log=True), []),
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
        ("a=range(0,1.0,0)", "a: a range needs finite ends and a step other than 0, got range(0, 1.0, 0)"),
        ("a=range(nan)", "a: a range needs finite ends and a step other than 0, got range(0, nan, 1)"),
        ("a=range(-inf,0)", "a: a range needs finite ends and a step other than 0, got range(-inf, 0, 1)"),
        ("a=range(0,1,inf)", "a: a range needs finite ends and a step other than 0, got range(0, 1, inf)"),
        ("a=range(0,1e300,1e299)", "a: the ends and the step of a range must lie within ±2^53, got range(0, 1e+300,"),
        (f"a=range(0,1{'0' * 400})", "a: the ends and the step of a range must lie within ±2^53, got range(0, 1000"),
        (f"a=range(0,4,1{'0' * 400})", "a: the ends and the step of a range must lie within ±2^53, got range(0, 4, 1"),
        ("a=range(0,9007199254740993)", "a: the ends and the step of a range must lie within ±2^53, got range(0, 90"),
        (
            "a=range(0,1e9)",
            "a: a range may have 1000000 values, got range(0, 1000000000.0, 1): an interval has no such",
        ),
        ("a=range(0,1000001)", "a: a range may have 1000000 values, got range(0, 1000001, 1): an interval has no such"),
        ("a=range(9,0,-1e-7)", "a: a range may have 1000000 values, got range(9, 0, -1e-07): an interval has no such"),
        ("a=range(0,1,1e-320)", "a: a range may have 1000000 values, got range(0, 1, 1e-320): an interval has no such"),
        ("a=int(interval(0,1e30))", "a: the ends of an interval of integers must lie within ±2^53, got interval(0, 1"),
        ("a=int(interval(-1e16,0))", "a: the ends of an interval of integers must lie within ±2^53, got interval(-100"),
        ("a=interval(-inf,inf)", "a: the ends of an interval must be finite and in order, got interval(-inf, inf)"),
        ("a=tag(log,interval(nan,1))", "a: the ends of an interval must be finite and in order, got interval(nan, 1"),
        ("a=tag(log,interval(-1e308,1e308))", "a: the ends of an interval must differ by less than 1.8e308, got"),
        ("a=tag(log,range(1,9))", "a: the tags are log and prior:NUMBER, of an interval, got a=tag(log,range(1,9))"),
        ("a=tag(bracket,choice(1e306,1e307))", "a: a bracket needs at least two numbers, all different and > 0, got"),
        ("a=tag(prior:3,interval(0,1))", "a: the prior must be a number from 0.0 to 1.0, got 3"),
        ("a=tag(prior:nan,interval(0,1))", "a: the prior must be a number from 0.0 to 1.0, got nan"),
        ("a=tag('prior=',interval(0,1))", "a: the prior must be a number from 0.0 to 1.0, got nothing"),
        ("a=tag(log,prior:low,interval(1,2))", "a: the prior must be a number from 1.0 to 2.0, got low"),
        ("a=tag(prior:1.5,int(interval(0,4)))", "a: the prior must be an integer from 0 to 4, got 1.5"),
        ("a=tag(prior:1,prior:2,interval(0,4))", "a: the tags are log and prior:NUMBER, of an interval, got a=tag(p"),
        ("a=tag(prior:1,choice(1,2))", "a: the tags are log and prior:NUMBER, of an interval, got a=tag(prior:1,ch"),
        ("a=range(1,1)", "a must have at least one value, got range(1,1)"),
        ("a=tag(x,interval(0,1))", "a: the tags are log and prior:NUMBER, of an interval, got a=tag(x,interval(0,1))"),
        ("a=tag(log,choice(1,2))", "a: the tags are log and prior:NUMBER, of an interval, got a=tag(log,choice(1,2))"),
        ("hydra.verbose=a,b", "Sweeping over Hydra's configuration is not supported : 'hydra.verbose=a,b'"),
    ],
)
def test_refusals_name_the_key(override: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read(override)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "override", ["a=1", "+a=1", "++a=1", "~a", "~a=1", "a@b=c", "a='x y'", "a=[1,2]", "a=null", "hydra.verbose=True"]
)
def test_what_is_not_swept_stays_as_it_is(override: str) -> None:
    assert read(override).overrides({}) == (override,)
    assert list(read(override).combinations()) == [{}]


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


@pytest.mark.parametrize(
    ("override", "prior", "definition"),
    [
        ("a=tag(log, prior:3e-3, interval(1e-5, 1))", 0.003, "tag(log, prior:0.003, interval(1e-05, 1.0))"),
        ("a=tag(log, 'prior=3e-3', interval(1e-5, 1))", 0.003, "tag(log, prior:0.003, interval(1e-05, 1.0))"),
        ('a=tag("prior=0", interval(0, 1))', 0.0, "tag(prior:0.0, interval(0.0, 1.0))"),
        ("a=tag(prior:-2, int(interval(-3, 8)))", -2, "tag(prior:-2, int(interval(-3, 8)))"),
        ("a=int(tag(log, prior:8, interval(1, 64)))", 8, "tag(log, prior:8, int(interval(1, 64)))"),
        ("a=interval(0, 1)", None, "interval(0.0, 1.0)"),
    ],
)
def test_priors(override: str, prior: float | None, definition: str) -> None:
    (dimension,) = read(override).dimensions
    assert (dimension.prior, dimension.definition) == (prior, definition)
    assert read(f"a={definition}") == read(override)


@pytest.mark.parametrize("sampler", [optuna.samplers.RandomSampler(seed=0), optuna.samplers.TPESampler(seed=0)])
def test_the_widest_spaces_can_be_sampled(sampler: optuna.samplers.BaseSampler) -> None:
    whole, small = f"int(interval({-(2**53)},{2**53}))", "int(interval(1,9007199254740992))"
    searched = read(f"a={whole}", f"b=tag(log,{small})", "c=tag(log,interval(1e-320,1e300))", "d=interval(0,1.7e308)")
    study = optuna.create_study(sampler=sampler)
    for _ in range(15):
        trial = study.ask()
        with np.errstate(divide="ignore", invalid="ignore"):  # Optuna takes logarithms of the share of one integer
            params = searched.suggest(trial)
        assert all(
            dimension.stored(params[dimension.name]) == params[dimension.name] for dimension in searched.dimensions
        )
        study.tell(trial, float(params["c"]))
    assert [trial.params["a"] for trial in study.trials] == [int(float(trial.params["a"])) for trial in study.trials]
