from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig
from optuna.trial import FrozenTrial

from lrlab.errors import InputError
from lrlab.sweeper.search.conditions import conditional
from lrlab.sweeper.search.grammar import parse_space
from lrlab.sweeper.search.space import Space
from lrlab.sweeper.study.queue import Queue
from lrlab.sweeper.study.storage import parse as parse_storage
from tests.multirun import Multirun

RHO = {"rho": "optimizer=momentum,rmsprop"}
OPTIMIZERS = "optimizer=sgd,momentum,rmsprop"


def parse(overrides: Any) -> list[Override]:
    try:
        return list(OverridesParser.create().parse_overrides(list(overrides)))
    except HydraException as error:
        raise InputError(str(error).partition("\n")[0]) from error


def read(*overrides: str, **conditions: Any) -> Space:
    given = {key.replace("_", "."): value for key, value in conditions.items()}
    return conditional(parse_space(parse(overrides)), given, parse)


def combinations(space: Space) -> list[str]:
    return [" ".join(space.overrides(params)) for params in space.combinations()]


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (
            read(OPTIMIZERS, "rho=1,2", **RHO),
            "optimizer=sgd|optimizer=momentum rho=1|optimizer=momentum rho=2|"
            "optimizer=rmsprop rho=1|optimizer=rmsprop rho=2",
        ),
        (read("rho=1,2", "optimizer=a,b", rho="optimizer=b"), "optimizer=a|rho=1 optimizer=b|rho=2 optimizer=b"),
        (read("n=range(1,3)", "w=7,8", "z=0,1", w="n=2"), "n=1 z=0|n=1 z=1|" + "|".join(
            f"n=2 w={w} z={z}" for w in (7, 8) for z in (0, 1)
        )),
        (read("a=1,2", "b=1,2", "c=5,6", b="a=1", c="b=2"), "a=1 b=1|a=1 b=2 c=5|a=1 b=2 c=6|a=2"),
        (read("a=1,2", "b=1,2", "c=5,6", c=["a=1", "b=2"]), "a=1 b=1|a=1 b=2 c=5|a=1 b=2 c=6|a=2 b=1|a=2 b=2"),
        (read("a=1,2", "+b=7", b="a=2"), "a=1|a=2 +b=7"),
        (read("a=1,2", "~b", "+b=7,8", b="a=2"), "a=1|a=2 ~b +b=7|a=2 ~b +b=8"),
        (read("a=null,x y", "b=1,2", b="a=null"), "a=null b=1|a=null b=2|a=x\\ y"),
        (read("a=true,1", "b=1,2", b="a=true"), "a=True b=1|a=True b=2|a=1"),
        (read("a=[1,2],[3]", "b=1,2", b="a=[3]"), "a=[1,2]|a=[3] b=1|a=[3] b=2"),
        (read("a=1,2,3,x", "b=5", b="a=1,2"), "a=1 b=5|a=2 b=5|a=3|a=x"),
        (read("a=range(0.7,1,0.1)", "b=5,6", b="a=interval(0.75,3)"), "a=0.7|a=0.8 b=5|a=0.8 b=6|a=0.9 b=5|a=0.9 b=6"),
        (read("a=1", "b=5,6", b="a=1,2"), "a=1 b=5|a=1 b=6"),
        (read("a=3", "b=5,6", b="a=1,2"), "a=3"),
        (read("a=x", "b=1,2", "c=5,6", c="b=1", b="a=y"), "a=x"),
        (read("a=x", "b=7", "d=1,2", "c=5,6", c="b=7", b="d=2"), "a=x d=1|a=x b=7 d=2 c=5|a=x b=7 d=2 c=6"),
    ],
)  # fmt: skip
def test_a_key_is_swept_where_its_conditions_hold(space: Space, expected: str) -> None:
    assert combinations(space) == expected.split("|")
    assert space.size == len(expected.split("|"))


def test_the_text_of_a_condition_does_not_depend_on_how_it_was_written() -> None:
    one = read("a=1,2,3", "b=1,2", b="a=3,2")
    assert one.conditions == read("a=1,2,3", "b=1,2", b=["a=choice(2, 3)"]).conditions == {"b": "a=2,3"}
    assert read("n=int(interval(1,9))", "b=1", b="n=interval(1.5,99)").conditions == {"b": "n=interval(2, 9)"}


@pytest.mark.parametrize(
    ("space", "told"),
    [
        (read(OPTIMIZERS, "rho=interval(0.5,0.9)", **RHO), {"rho=0.5", "rho=0.9", "optimizer=sgd"}),
        (read("a=1,2", "b=1,2", "c=5,6", "d=x,y", c=["a=1", "b=2"], d=["a=2", "b=1"]), {"c=5", "c=6", "d=x", "d=y"}),
        (read("n=int(interval(1,8))", "w=interval(0,1)", w="n=interval(3,5)"), {"n=1", "n=8", "w=0.0", "w=1.0"}),
        (read("n=int(interval(1,8))", "w=interval(0,1)", w="n=3,5"), {"n=1", "n=8", "w=0.0", "w=1.0"}),
        (read("n=interval(1,8)", "w=1,2", w="n=interval(2,3)"), {"n=1.0", "n=8.0", "w=1", "w=2"}),
        (read("n=int(interval(1,8))", "w=1,2", w="n=interval(2.5,3.5)"), {"n=3", "w=1", "w=2"}),
        (read("a=1,2", "b=1,2", "+c=5", c=["a=1", "b=2"]), {"+c=5"}),
    ],
)
def test_the_corners_touch_every_value_that_can_be(space: Space, told: set[str]) -> None:
    rows = space.boundary_overrides()
    assert told <= {override for row in rows for override in row}
    assert len(rows) <= 8


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_values_are_suggested_for_the_trials_to_which_they_apply_and_tpe_learns_them() -> None:
    space = read(OPTIMIZERS, "lr=tag(log,interval(1e-3,1))", "rho=interval(0,1)", **RHO)
    for joint in (False, True):
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1, multivariate=joint, group=joint))
        for _ in range(60):
            trial = study.ask()
            params = space.suggest(trial)
            assert ("rho" in params) == (params["optimizer"] != "sgd")
            assert trial.params == params
            study.tell(trial, abs(params["rho"] - 0.8) if "rho" in params else 1.0)
        late = study.trials[30:]
        assert sum(trial.params["optimizer"] != "sgd" for trial in late) > 20
        assert study.best_value < 0.1


@pytest.mark.parametrize("sampler", ["CmaEsSampler", "QMCSampler", "NSGAIISampler", "RandomSampler"])
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_every_sampler_goes_on(sampler: str) -> None:
    space = read("optimizer=sgd,momentum", "lr=interval(0,1)", "rho=interval(0,1)", rho="optimizer=momentum")
    study = optuna.create_study(sampler=getattr(optuna.samplers, sampler)(seed=0))
    for _ in range(20):
        trial = study.ask()
        study.tell(trial, space.suggest(trial)["lr"])
    assert {len(trial.params) for trial in study.trials} == {2, 3}


@pytest.mark.parametrize(
    ("overrides", "conditions", "message"),
    [
        (["a=1,2"], {"b": "a=1"}, "b must name swept or overridden keys (a), got b"),
        (["b=1,2"], {"b": "a=1"}, "b must name swept or overridden keys (b), got a"),
        (["a=1,2", "b=3,4"], {"b": "a=5"}, "b must name values of a=choice(1, 2), got a=5"),
        (["a=1,2", "b=3,4"], {"b": "a=1,x"}, "b must name values of a=choice(1, 2), got a=1,x"),
        (["a=x,y", "b=3,4"], {"b": "a=interval(0,1)"}, "b must name values of a=choice(x, y), got a=interval(0,1)"),
        (["a=range(3)", "b=3,4"], {"b": "a=0.5"}, "b must name values of a=range(0, 3, 1), got a=0.5"),
        (["a=interval(0,1)", "b=3"], {"b": "a=0.5"}, "b must name values of a=interval(0.0, 1.0), got a=0.5"),
        (["a=interval(0,1)", "b=3"], {"b": "a=interval(2,3)"}, "b must name values of a=interval(0.0, 1.0), got a="),
        (["a=int(interval(0,5))", "b=3"], {"b": "a=interval(1.2,1.8)"}, "b must name values of a=int(interval(0, 5)),"),
        (["a=int(interval(0,5))", "b=3"], {"b": "a=x"}, "b must name values of a=int(interval(0, 5)), got a=x"),
        (["a=1,2", "b=3,4"], {"b": "a=1", "a": "b=3"}, "must not go in a circle, got a <- b <- a"),
        (["a=1,2"], {"a": "a=1"}, "must not go in a circle, got a <- a"),
        (["a=1,2", "b=3,4"], {"b": ["a=1", "a=2"]}, "b can never hold, because of a: got a=1 and a=2"),
        (
            ["a=1,2", "b=3,4", "c=5"],
            {"b": "a=1", "c": ["b=3", "a=2"]},
            "c can never hold, because of a: got b=3 and a=2",
        ),
        (["a=1,2", "seed=0,1"], {"seed": "a=1"}, "seed must not be: the seeds repeat every setting"),
        (["a=1,2", "seed=0,1"], {"a": "seed=1"}, "a must not depend on seeds, nor on a bracket, got seed=1"),
        (["a=tag(bracket,choice(1,2))", "b=3"], {"b": "a=1"}, "b must not depend on seeds, nor on a bracket, got a=1"),
        (["a=1,2", "b=3,4"], {"b": 1}, "b must be OTHER=VALUES or a list of these, got 1"),
        (["a=1,2", "b=3,4"], {"b": []}, "b must be OTHER=VALUES or a list of these, got []"),
        (["a=1,2", "b=3,4"], {"b": {"a": 1}}, "b must be OTHER=VALUES or a list of these, got {'a': 1}"),
        (["a=1,2", "b=3,4"], {"b": "+a=1"}, "b: must be OTHER=VALUES, got +a=1"),
        (["a=1,2", "b=3,4"], {"b": "~a"}, "b: must be OTHER=VALUES, got ~a"),
        (["a=1,2", "b=3,4"], {"b": "a=interval(2,1)"}, "b: a: the ends of an interval must be finite and in order"),
        (["a=1,2", "b=3,4"], {"b": "a"}, "b: "),
    ],
)
def test_conditions_that_cannot_be_used(overrides: list[str], conditions: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        read(*overrides, **conditions)
    text = str(error.value)
    separator = " " if message.startswith("must") else "."
    assert text.startswith(f"hydra.sweeper.conditions{separator}{message}")
    assert "\n" not in text


JOURNAL = "hydra.sweeper.study_name=s"


def square(config: DictConfig) -> float:
    return float((config.x - 2) ** 2)


def trials_of(name: str = "s") -> list[FrozenTrial]:
    return Queue(parse_storage(None, Path.cwd()), name).trials()


CONDITIONS = "+hydra.sweeper.conditions={rho: 'optimizer=momentum'}"


def test_conditional_values_are_recorded_for_the_trials_to_which_they_apply(multirun: Multirun) -> None:
    def task(config: DictConfig) -> float:
        assert ("rho" in config) == (config.optimizer == "momentum")
        return float(config.get("rho", 1))

    space = ("optimizer=sgd,momentum", "+rho=interval(0,1)", CONDITIONS, JOURNAL, "hydra/sweeper/sampler=tpe")
    multirun(task, *space, "hydra.sweeper.n_trials=14", optimizer="sgd")
    multirun(task, *space, "hydra.sweeper.n_trials=16", optimizer="sgd")
    trials = trials_of()
    assert [trial.value for trial in trials] == [trial.params.get("rho", 1) for trial in trials]
    assert {trial.params["optimizer"]: set(trial.params) for trial in trials} == {
        "sgd": {"optimizer"},
        "momentum": {"optimizer", "rho"},
    }
    assert all(("rho" in trial.params) == (trial.params["optimizer"] == "momentum") for trial in trials)
    for changed, told in (
        ("+hydra.sweeper.conditions={rho: 'optimizer=momentum,sgd'}", "rho applied where optimizer=momentum, applies"),
        ("+hydra.sweeper.conditions={}", "rho applied where optimizer=momentum, applies everywhere"),
    ):
        with pytest.raises(InputError, match=f"study s exists with another search: .*{told}"):
            multirun(task, *space[:2], changed, *space[3:], "hydra.sweeper.n_trials=16", optimizer="sgd")


def test_a_conditional_space_is_enumerated_once(multirun: Multirun) -> None:
    space = ("optimizer=sgd,momentum", "+rho=0.5,0.9", "seed=0,1", CONDITIONS, JOURNAL)
    config = {"optimizer": "sgd", "seed": 0}
    for _ in range(2):
        multirun(lambda config: 0.5, *space, **config)
        found = [(trial.params["optimizer"], trial.params.get("rho")) for trial in trials_of()]
        assert sorted(found, key=str) == [
            *[("momentum", rho) for rho in (0.5, 0.5, 0.9, 0.9)],
            *[("sgd", None)] * 2,
        ]
    best = yaml.safe_load(Path("sweep/optimization_results.yaml").read_text())
    assert (best["best_params"], best["seeds"]) == ({"optimizer": "sgd"}, 2)
