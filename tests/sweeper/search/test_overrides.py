"""Overrides of one key, compared with what Hydra makes of them in single runs."""

import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf

from lrlab.errors import InputError
from lrlab.sweeper.search.grammar import parse_space
from lrlab.sweeper.search.space import Space
from tests.multirun import Multirun

FILES = {
    "config": "defaults: [{optimizer: sgd}, {db@src: small}, _self_]\nx: 0\nd: {a: 1, b: 2}\nl: [1, 2]\n",
    "optimizer/sgd": "lr: 0.1\n",
    "optimizer/adam": "lr: 0.01\nrho: 0.9\n",
    "db/small": "size: 1\n",
    "db/large": "size: 9\n",
}


@pytest.fixture
def application(tmp_path: Path, hydra_restore_singletons: None) -> Iterator[None]:
    for name, text in FILES.items():
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        yield


def read(*overrides: str, params: tuple[str, ...] = ()) -> Space:
    parse = OverridesParser.create().parse_overrides
    return parse_space(parse(list(overrides)), parse(list(params)), {"optimizer", "db@src", "db@dst"}.__contains__)


@cache
def composed(overrides: tuple[str, ...]) -> str:
    try:
        return str(OmegaConf.to_yaml(compose("config", list(overrides))))
    except (HydraException, ValueError):
        return "refused"


def jobs_of_hydra(overrides: tuple[str, ...]) -> set[str]:
    """What Hydra's basic sweeper composes: every combination of every sweep."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    columns = [
        [f"{each.get_key_element()}={text}" for text in each.sweep_string_iterator()]
        if each.is_sweep_override()
        else [given]
        for each, given in zip(parsed, overrides, strict=True)
    ]
    return set(map(composed, itertools.product(*columns)))


@pytest.mark.usefixtures("application")
@pytest.mark.parametrize(
    "overrides",
    [
        "d={a:5} d={b:7}",
        "d={a:5} d={a:6} d={b:7}",
        "d={a:5} +d={c:7}",
        "d={a:5},{a:6} d={b:7}",
        "d={a:5},{a:6} d.a=3",
        "d={a:5,b:1},{a:6,b:3} d.a=3",
        "d.a=1,2 d={a:5}",
        "d.a=1,2 d={b:5}",
        "d.a=1,2 d=null",
        "d.a=1 d={a:2} d.a=3",
        "d.a=5,6 d={a:2} d.a=7,8",
        "d=null d={a:5}",
        "~d.a +d.a=5,6",
        "~d.a=1 +d.a=5,6",
        "~d ++d={a:5},{c:6}",
        "~d +d={a:5} d.a=1,2",
        "++d={c:5} ++d.c=6,7",
        "+n=1 n=2",
        "+n=1 n=2,3",
        "+n=1,2 n=3",
        "+n=1,2 ~n",
        "++n=1,2 ~n",
        "++x=1,2 ~x",
        "x=1,2 ~x",
        "+n=1 +n=2",
        "+n=1,2 +n=3",
        "x=1 +x=2",
        "x=1 x=2 x=3,4",
        "x=1,2 x=5",
        "x=5 x=1,2 +n=3",
        "+n.a=1,2 +n.b=3 n={a:7}",
        "l=[1],[2] l=[3]",
        "l=[1],[2,3] +n=x",
        "optimizer=sgd,adam",
        "optimizer=adam optimizer=sgd,adam",
        "optimizer=sgd,adam optimizer=adam",
        "optimizer=sgd,adam optimizer.lr=1,2",
        "optimizer.lr=1,2 optimizer=adam",
        "optimizer=sgd,adam optimizer={lr:3}",
        "optimizer.lr=1,2 optimizer={lr:3}",
        "optimizer=sgd,adam ~optimizer.lr",
        "optimizer=sgd,adam ~optimizer",
        "~optimizer",
        "db@src=small,large",
        "db@src=large +db@dst=small,large",
        "+db@dst=small +db@dst=large",
        "+db@dst=small,large db@dst.size=3",
        "db@src=small,large src.size=4,5",
        "optimizer=adam ~optimizer.rho +optimizer.rho=1,2",
    ],
)
def test_the_jobs_are_those_of_hydra(overrides: str) -> None:
    given = tuple(overrides.split())
    space = read(*given)
    assert {composed(space.overrides(params)) for params in space.combinations()} == jobs_of_hydra(given)


@pytest.mark.parametrize(
    ("overrides", "kept"),
    [
        ("a=interval(0,1) b=1 a=5", ["a=5", "b=1"]),
        ("a=5 b=1 a=interval(2,3)", ["a=2.0", "b=1"]),
        ("a.b=1 a={b:2} a.b=3", ["a.b=3"]),
        ("a.b=1 a={b:2,c:1} a.b=3", ["a={b:2,c:1}", "a.b=3"]),
        ("+a=interval(0,1) a=5", ["+a=0.0", "a=5"]),
        ("+a=range(3,9) ~a", ["+a=3", "~a"]),
        ("+a=1,2 ++a=3", ["+a=1", "++a=3"]),
        ("a=1,2 ~a", ["~a"]),
        ("a=5 ~a=5", ["a=5", "~a=5"]),
    ],
)
def test_what_is_kept(overrides: str, kept: list[str]) -> None:
    assert list(read(*overrides.split()).boundary_overrides()[0]) == kept


@pytest.mark.parametrize(
    ("params", "overrides", "kept"),
    [
        ("+a=interval(0,1)", "+a=5", ["+a=5"]),
        ("+a=3", "+a=5", ["+a=5"]),
        ("+a=3", "++a=5", ["++a=5"]),
        ("+a=1,2", "a=5", ["+a=1", "a=5"]),
        ("a=1,2 b=3,4", "a=5", ["a=5", "b=3"]),
        ("d={a:1}", "d={b:2}", ["d={a:1}", "d={b:2}"]),
        ("d.a=1,2", "d={a:3}", ["d={a:3}"]),
        ("optimizer=sgd,adam optimizer.lr=1,2", "optimizer=adam", ["optimizer=adam", "optimizer.lr=1"]),
    ],
)
def test_the_command_line_wins_over_params(params: str, overrides: str, kept: list[str]) -> None:
    assert list(read(*overrides.split(), params=tuple(params.split())).boundary_overrides()[0]) == kept


def test_the_order_of_the_sweeps_stays_where_it_makes_no_difference() -> None:
    space = read("seed=0,1,2", params=("seed=0,1", "x=3,4"))
    assert [dimension.name for dimension in space.dimensions] == ["seed", "x"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("d={a:1},{a:2} d={b:1},{b:2}", "d must be swept once, got two sweeps of which neither replaces the other"),
        ("d=1,2 d={b:1},{b:2}", "d must be swept once"),
        ("~d=1,2", "d: what is deleted cannot be swept, got ~d=1,2"),
        ("~d.a=range(3)", "d.a: what is deleted cannot be swept, got ~d.a=range(3)"),
    ],
)
def test_sweeps_that_cannot_be_told_apart(overrides: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        read(*overrides.split())
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("overrides", "seen"),
    [
        (["d={a:5}", "d={b:7}"], [{"a": 5, "b": 7}]),
        (["~d.a", "+d.a=5,6"], [{"b": 2, "a": 5}, {"b": 2, "a": 6}]),
        (["d={a:5},{c:6}", "++d.b=3"], "refused"),
        (["d={a:5},{b:6}", "+d.c=3"], [{"a": 5, "b": 2, "c": 3}, {"a": 1, "b": 6, "c": 3}]),
        (["~d", "+d={c:1},{c:2}"], [{"c": 1}, {"c": 2}]),
    ],
)
def test_repeated_keys_reach_the_jobs_as_in_hydra(multirun: Multirun, overrides: list[str], seen: Any) -> None:
    config = {"d": {"a": 1, "b": 2}}
    if seen == "refused":
        with pytest.raises(InputError, match=r"^the config has no key d\.c"):
            multirun(lambda config: 0.5, *overrides, **config)
        return
    ((*jobs,),) = multirun(lambda config: 0.5, *overrides, **config)
    assert [job.cfg.d for job in jobs] == seen
