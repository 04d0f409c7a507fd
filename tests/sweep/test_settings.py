from typing import Any

import pytest
from omegaconf import OmegaConf

from lrlab.errors import InputError
from lrlab.sweep.config import PRUNERS, SAMPLERS, Sweeper
from lrlab.sweep.settings import Settings

CHOSEN = {"sampler": SAMPLERS["tpe"], "pruner": PRUNERS["none"]}
COMPOSED: Any = OmegaConf.to_container(OmegaConf.merge(OmegaConf.structured(Sweeper), CHOSEN))
PLAIN: dict[str, Any] = {key: value for key, value in COMPOSED.items() if not key.startswith("_") and key != "defaults"}


def test_defaults() -> None:
    settings = Settings.read(PLAIN)
    assert settings.sampler["_target_"] == "optuna.samplers.TPESampler"
    assert settings.pruner == {"_target_": "optuna.pruners.NopPruner"}
    assert (settings.directions, settings.n_jobs, settings.n_trials) == (None, 1, None)
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
