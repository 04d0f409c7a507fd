import os
from typing import Any

import pytest
from hydra.errors import HydraException

from lrlab.errors import InputError
from lrlab.sweeper.search.enqueue import checked_points
from tests.multirun import Multirun
from tests.sweeper.search.test_conditions import JOURNAL, RHO, read, square, trials_of

SPACE = read(
    "optimizer=sgd,momentum,rmsprop",
    "+opt.lr=tag(log,interval(1e-4,1))",
    "rho=interval(0.5,0.9)",
    "layers=int(interval(1,4))",
    "batch=16,32.5,null,true,'64'",
    "width=range(0.1,0.5,0.1)",
    "shape=[1,2],{a:3}",
    "lr=0.1",
    **RHO,
)


@pytest.mark.parametrize(
    ("point", "stored"),
    [
        ({"opt.lr": 1}, {"opt.lr": 1.0}),
        ({"opt.lr": 1e-4, "layers": 4.0}, {"opt.lr": 1e-4, "layers": 4}),
        ({"optimizer": "momentum", "rho": 0.9}, {"optimizer": "momentum", "rho": 0.9}),
        ({"rho": 0.9, "optimizer": "rmsprop"}, {"rho": 0.9, "optimizer": "rmsprop"}),
        ({"batch": 16.0}, {"batch": 16}),
        ({"batch": None}, {"batch": None}),
        ({"batch": True}, {"batch": True}),
        ({"batch": "64"}, {"batch": "64"}),
        ({"width": 0.30000000000000004}, {"width": 0.3}),
        ({"shape": [1, 2]}, {"shape": "[1,2]"}),
        ({"shape": {"a": 3}}, {"shape": "{a:3}"}),
    ],
)
def test_points_are_held_as_the_study_holds_values(point: dict[str, Any], stored: dict[str, Any]) -> None:
    (held,) = checked_points(SPACE, [point])
    assert held == stored
    assert {key: type(value) for key, value in held.items()} == {key: type(value) for key, value in stored.items()}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([{"opt.lr": 2}], "[0].opt.lr must be a value of tag(log, interval(0.0001, 1.0)), got 2"),
        ([{"opt.lr": 0.1}, {"opt.lr": -1}], "[1].opt.lr must be a value of tag(log, interval(0.0001, 1.0)), got -1"),
        ([{"opt.lr": "0.1"}], "[0].opt.lr must be a value of tag(log, interval(0.0001, 1.0)), got '0.1'"),
        ([{"opt.lr": float("nan")}], "[0].opt.lr must be a value of tag(log, interval(0.0001, 1.0)), got nan"),
        ([{"layers": 1.5}], "[0].layers must be a value of int(interval(1, 4)), got 1.5"),
        ([{"layers": True}], "[0].layers must be a value of int(interval(1, 4)), got True"),
        ([{"layers": 10**400}], "[0].layers must be a value of int(interval(1, 4)), got 1000"),
        ([{"optimizer": "adam"}], "[0].optimizer must be a value of choice(sgd, momentum, rmsprop), got 'adam'"),
        ([{"batch": False}], "[0].batch must be a value of choice(16, 32.5, null, True, '64'), got False"),
        ([{"batch": 64}], "[0].batch must be a value of choice(16, 32.5, null, True, '64'), got 64"),
        ([{"width": 0.25}], "[0].width must be a value of range(0.1, 0.5, 0.1), got 0.25"),
        ([{"width": 0.5}], "[0].width must be a value of range(0.1, 0.5, 0.1), got 0.5"),
        ([{"z": 1}], "[0] must have swept keys (optimizer, opt.lr, rho, layers, batch, width, shape), got z"),
        ([{"lr": 0.1}], "[0] must have swept keys (optimizer, opt.lr, rho, layers, batch, width, shape), got lr, "),
        ([{"opt": {"lr": 0.1}}], "[0] must have swept keys (optimizer, opt.lr, rho,"),
        ([{"optimizer": "sgd", "rho": 0.9}], "[0].rho applies only where optimizer=momentum,rmsprop, got sgd in the"),
        ([{"rho": 0.9}], "[0].rho applies only where optimizer=momentum,rmsprop, got no optimizer in the same point"),
        ([0.1], " must be a list of points, each {KEY: VALUE, …}, got [0.1]"),
        ([{}], " must be a list of points, each {KEY: VALUE, …}, got [{}]"),
        ({"opt.lr": 0.1}, " must be a list of points, each {KEY: VALUE, …}, got {'opt.lr': 0.1}"),
    ],
)  # fmt: skip
def test_points_that_are_not_in_the_space(given: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        checked_points(SPACE, given)
    assert str(error.value).startswith(f"hydra.sweeper.enqueue{message}")


def test_a_bracket_takes_the_values_it_begins_with() -> None:
    space = read("lr=tag(bracket,choice(0.1,0.2))", "seed=0,1")
    assert checked_points(space, [{"lr": 0.2, "seed": 1}]) == ({"lr": 0.2, "seed": 1},)
    for point in ({"lr": 0.15}, {"seed": 7}):
        with pytest.raises(InputError, match=r"must be a value of"):
            checked_points(space, [point])


ENQUEUED = "hydra.sweeper.enqueue=[{x: 3, y: 1}, {x: 1.5}]"
SEARCHED = ("x=interval(0,4)", "y=int(interval(1,3))", JOURNAL, "hydra.sweeper.sampler.seed=0")


def test_enqueued_points_come_first_and_once(multirun: Multirun) -> None:
    config = {"x": 0, "y": 0}
    multirun(square, *SEARCHED, ENQUEUED, "hydra.sweeper.n_trials=3", **config)
    first, second, third = (trial.params for trial in trials_of())
    assert first == {"x": 3.0, "y": 1}
    assert (second["x"], set(second), set(third)) == (1.5, {"x", "y"}, {"x", "y"})
    multirun(square, *SEARCHED, ENQUEUED, "hydra.sweeper.n_trials=5", **config)
    multirun(square, *SEARCHED, "hydra.sweeper.n_trials=5", **config)
    assert sum(trial.params["x"] in (3.0, 1.5) for trial in trials_of()) == 2
    further = ENQUEUED.replace("]", ", {x: 0.25}]")
    with pytest.raises(InputError, match=r"^hydra\.sweeper\.enqueue has points that study s does not hold, .* to 6$"):
        multirun(square, *SEARCHED, further, "hydra.sweeper.n_trials=5", **config)
    multirun(square, *SEARCHED, further, "hydra.sweeper.n_trials=6", **config)
    assert (trials_of()[-1].params["x"], len(trials_of())) == (0.25, 6)


def test_what_is_enqueued_comes_first_of_an_enumeration(multirun: Multirun) -> None:
    multirun(
        square,
        "x=1,2,3",
        "y=1,2",
        "hydra.sweeper.enqueue=[{x: 3, y: 2}, {x: 2}]",
        JOURNAL,
        x=0,
        y=0,
    )
    tried = [(trial.params["x"], trial.params["y"]) for trial in trials_of()]
    assert tried == [(3, 2), (2, 1), (2, 2), (1, 1), (1, 2), (3, 1)]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["hydra.sweeper.enqueue=[{x: 7}]"], "hydra.sweeper.enqueue[0].x must be a value of interval(0.0, 4.0), got 7"),
        (["hydra.sweeper.enqueue=[{z: 7}]"], "hydra.sweeper.enqueue[0] must have swept keys (x), got z"),
        (["hydra.sweeper.enqueue=[{x: 1},{x: 2}]", "hydra.sweeper.n_trials=1"], "hydra.sweeper.n_trials must be at"),
        (["+hydra.sweeper.conditions.x='y=1'"], "hydra.sweeper.conditions.x must name swept or overridden keys (x),"),
        (
            ["+hydra.sweeper.conditions.x=3"],
            "hydra.sweeper.conditions.x must be OTHER=VALUES or a list of these, got 3",
        ),
        (["hydra.sweeper.enqueue=3"], ""),
    ],
)
def test_points_and_conditions_are_checked_before_anything_is_written(
    multirun: Multirun, overrides: list[str], message: str
) -> None:
    with pytest.raises((InputError, HydraException)) as error:
        multirun(square, "x=interval(0,4)", *overrides, x=0, y=0)
    assert str(error.value).startswith(message)
    assert os.listdir() == []
