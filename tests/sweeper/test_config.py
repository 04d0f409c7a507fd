"""The choices of hydra/sweeper as an application composes them, and the objects they stand for."""

import inspect
from collections.abc import Iterator
from typing import Any

import optuna
import pytest
from hydra import compose, initialize
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException
from omegaconf import OmegaConf

from lrlab.config.instantiate import instantiate
from lrlab.sweeper.config import PRUNERS, SAMPLERS, register
from lrlab.sweeper.settings import Settings

EXPERIMENTAL = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
CHOICES = [("sampler", name) for name in SAMPLERS if name != "grid"] + [("pruner", name) for name in PRUNERS]
OURS = {"percentile", "wrapped_pruner", "patience", "scramble"}  # without a default in Optuna, or a better one


@pytest.fixture(autouse=True)
def application(hydra_restore_singletons: None) -> Iterator[None]:
    """A foreign application with the config {x: 0}."""
    register()
    ConfigStore.instance().store(name="minimal_app", node={"x": 0})
    with initialize(version_base="1.3", config_path=None):
        yield


def sweeper(*overrides: str) -> Any:
    """What is composed for hydra.sweeper."""
    config = compose("minimal_app", ["hydra/sweeper=lrlab", *overrides], return_hydra_config=True)
    return config.hydra.sweeper


def test_a_sweeper_that_was_only_chosen_has_the_defaults() -> None:
    composed = sweeper()
    settings = Settings.read({key: value for key, value in composed.items() if not key.startswith("_")})
    assert composed._target_ == "hydra_plugins.lrlab_plugin.LrlabSweeper"
    assert (settings.sampler["_target_"], settings.pruner["_target_"]) == (
        "optuna.samplers.TPESampler",
        "optuna.pruners.NopPruner",
    )
    assert (settings.directions, settings.n_trials, settings.n_jobs, settings.storage) == (None, None, 1, None)


@EXPERIMENTAL
@pytest.mark.parametrize(("part", "name"), CHOICES)
def test_every_choice_has_optunas_arguments_with_its_defaults(part: str, name: str) -> None:
    chosen: Any = OmegaConf.to_container(sweeper(f"hydra/sweeper/{part}={name}")[part])
    made: Any = instantiate(chosen, allowed=(f"optuna.{part}s.",))
    assert type(made) is getattr(getattr(optuna, f"{part}s"), chosen["_target_"].rpartition(".")[2])
    parameters = inspect.signature(type(made)).parameters
    for argument in chosen.keys() - {"_target_"} - OURS:
        assert parameters[argument].default == chosen[argument], argument


@EXPERIMENTAL
def test_a_pruner_inside_another_can_be_set() -> None:
    chosen = sweeper("hydra/sweeper/pruner=patient", "hydra.sweeper.pruner.wrapped_pruner.n_startup_trials=9")
    made = instantiate(chosen.pruner, allowed=("optuna.",))
    assert isinstance(made._wrapped_pruner, optuna.pruners.MedianPruner)
    assert made._wrapped_pruner._n_startup_trials == 9


@pytest.mark.parametrize(
    "override",
    [
        "hydra.sweeper.n_trials=many",
        "hydra.sweeper.n_jobs=1.5",
        "hydra.sweeper.n_trial=3",
        "hydra.sweeper.sampler.sed=3",
        "hydra.sweeper.sampler.n_startup_trials=few",
        "hydra/sweeper/sampler=tpee",
    ],
)
def test_a_word_that_is_mistyped_does_not_compose(override: str) -> None:
    with pytest.raises(HydraException):
        sweeper(override)


def test_registering_again_changes_nothing() -> None:
    before = sweeper()
    register()
    assert sweeper() == before
