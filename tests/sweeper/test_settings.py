import os
from typing import Any

import pytest
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from lrlab.errors import InputError
from lrlab.sweeper.config import PRUNERS, SAMPLERS, Sweeper
from lrlab.sweeper.settings import Settings
from tests.sweeper.conftest import Planner

CHOSEN = {"sampler": SAMPLERS["tpe"], "pruner": PRUNERS["none"]}
COMPOSED: Any = OmegaConf.to_container(OmegaConf.merge(OmegaConf.structured(Sweeper), CHOSEN))
PLAIN: dict[str, Any] = {key: value for key, value in COMPOSED.items() if not key.startswith("_") and key != "defaults"}


def test_defaults() -> None:
    settings = Settings.read(PLAIN)
    assert settings.sampler["_target_"] == "optuna.samplers.TPESampler"
    assert settings.pruner == {"_target_": "optuna.pruners.NopPruner"}
    assert (settings.directions, settings.n_jobs, settings.n_trials) == (None, 1, None)
    assert (settings.conditions, settings.enqueue) == ({}, [])
    assert (settings.params, settings.allow, settings.custom_search_space) == ({}, (), "")


def test_no_pruner() -> None:
    assert Settings.read(PLAIN | {"pruner": None}).pruner == {"_target_": "optuna.pruners.NopPruner"}


def test_several_directions() -> None:
    assert Settings.read(PLAIN | {"direction": ["minimize", "maximize"]}).directions == ("minimize", "maximize")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("direction", "max", "hydra.sweeper.direction must be one of minimize, maximize, got 'max'"),
        ("direction", [], "hydra.sweeper.direction must be one of"),
        ("direction", ["minimize", 1], "hydra.sweeper.direction must be one of"),
        ("n_trials", 0, "hydra.sweeper.n_trials must be an integer >= 1, got 0"),
        ("n_jobs", 0, "hydra.sweeper.n_jobs must be an integer >= 1, got 0"),
        ("max_failure_rate", 1.5, "hydra.sweeper.max_failure_rate must be a number >= 0 and <= 1, got 1.5"),
        ("timeout", "2d", "hydra.sweeper.timeout must be a number of seconds > 0, or like 45s, 90m, 2h, got '2d'"),
        ("timeout", 0, "hydra.sweeper.timeout must be a number of seconds > 0, or like 45s, 90m, 2h, got 0"),
        ("question", 3, "hydra.sweeper.question must be a text, got 3: put it in quotes"),
        ("question", ["a"], "hydra.sweeper.question must be a text, got"),
        ("study_name", " ", "hydra.sweeper.study_name must not be empty"),
        ("sampler", "tpe", "hydra.sweeper.sampler must have a _target_, got 'tpe'"),
        ("pruner", {}, "hydra.sweeper.pruner must have a _target_, got {}"),
    ],
)
def test_refusals(key: str, value: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        Settings.read(PLAIN | {key: value})
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(("part", "choice"), [("pruner", PRUNERS["median"]), ("sampler", SAMPLERS["cmaes"])])
def test_what_does_not_work_with_several_directions(part: str, choice: Any) -> None:
    changed = {part: OmegaConf.to_container(OmegaConf.structured(choice))}
    Settings.read(PLAIN | changed)
    with pytest.raises(InputError, match=f"^hydra/sweeper/{part} must"):
        Settings.read(PLAIN | changed | {"direction": ["minimize", "minimize"]})


def store_choices(**hydra: Any) -> None:
    """Two choices of the group `what`; one brings keys of hydra."""
    for name, node in {"plain": {"z": 1}, "own": {"z": 2, "hydra": hydra}}.items():
        ConfigStore.instance().store(group="what", name=name, node=node, package="_global_")


@pytest.mark.parametrize(
    ("brought", "message"),
    [
        ({"params": {"y": "1,2"}}, "params.y must be the same for all trials, got not set, but 1,2 with +what=own"),
        ({"n_trials": 7}, "n_trials must be the same for all trials, got None, but 7 with +what=own"),
        ({"direction": "maximize"}, "direction must be the same for all trials, got None, but maximize with +what=own"),
        ({"conditions": {"x": "y=1"}}, "conditions.x must be the same for all trials, got not set, but y=1 with"),
        ({"enqueue": [{"x": 1}]}, "enqueue must be the same for all trials, got [], but [{'x': 1}] with +what=own"),
    ],
)
def test_a_swept_choice_must_not_bring_a_search(planned: Planner, brought: Any, message: str) -> None:
    store_choices(sweeper=brought)
    with pytest.raises(InputError) as error:
        planned(lambda config: 0.0, "+what=plain,own", x=0, y=0)
    assert str(error.value).startswith(f"hydra.sweeper.{message}")
    assert os.listdir() == []


def test_a_choice_among_params_must_not_bring_a_search(planned: Planner) -> None:
    """Hydra composes the config of the sweep without them."""
    store_choices(sweeper={"params": {"y": "1,2"}})
    with pytest.raises(InputError, match=r"sweeper\.params\.y must be .* got not set, but 1,2 with \+what=own x=1$"):
        planned(lambda config: 0.0, "+hydra.sweeper.params={+what: own}", "x=1,2", x=0, y=0)


def test_a_swept_choice_may_bring_what_belongs_to_the_job(planned: Planner) -> None:
    store_choices(job={"chdir": True}, sweep={"subdir": "of_${z}"})
    plan = planned(lambda config: 0.0, "+what=plain,own", x=0, y=0)
    assert plan.trials == [{"what": "plain"}, {"what": "own"}]


def test_the_name_of_a_study_may_tell_of_the_job(planned: Planner) -> None:
    plan = planned(lambda config: 0.0, "x=1,2", "hydra.sweeper.study_name=of_${x}", x=0, y=0)
    assert len(plan.trials) == 2


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["+hydra.sweeper.params.y='interval(0,${x})'", "x=1,2"], "params.y must be the same for all trials, got "),
        (["+hydra.sweeper.params.y='interval(0,${twice})'", "x=interval(1,3)"], "params.y must be the same for all"),
        (["+hydra.sweeper.params.y='range(0,${x})'", "x=range(2,5)"], "params.y must be the same for all trials, got "),
        (
            ["hydra.sweeper.n_trials=${x}", "x=range(2,5)"],
            "n_trials must be the same for all trials, got 1, but 2 with",
        ),
        (["hydra.sweeper.enqueue=[{x:'${x}'}]", "x=1,2"], "enqueue must be the same for all trials, got [{'x': 1}], "),
    ],
)
def test_a_search_must_not_refer_to_a_swept_key(planned: Planner, overrides: list[str], message: str) -> None:
    with pytest.raises(InputError) as error:
        planned(lambda config: 0.0, *overrides, x=1, y=0, twice="${x}")
    assert str(error.value).startswith(f"hydra.sweeper.{message}")


def test_a_search_may_refer_to_a_key_that_is_fixed(planned: Planner) -> None:
    plan = planned(lambda config: 0.0, "+hydra.sweeper.params.y='range(0,${x})'", "+a=1,2", x=3, y=0)
    assert [trial["y"] for trial in plan.trials] == [0, 0, 1, 1, 2, 2]
