"""The keys of `hydra.sweeper`, checked."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import CategoricalDistribution

from lrlab.config import validation
from lrlab.config.composition_errors import one_line
from lrlab.config.duration import seconds
from lrlab.errors import InputError
from lrlab.runtime.environment import cores
from lrlab.sweeper.search.space import Dimension, Fixed, Part, Space
from lrlab.sweeper.search.strategy import NO_PRUNER
from lrlab.sweeper.study.name import check_name

if TYPE_CHECKING:
    from lrlab.sweeper.compose import Composer

NAMES = ("study_name", "storage", "question")  # keys that may tell of the job, whose search is the same all the same


@dataclass(frozen=True)
class Settings:
    """As in `lrlab.sweeper.config.Sweeper`, as plain values."""

    sampler: Mapping[str, Any]
    pruner: Mapping[str, Any]
    directions: tuple[str, ...] | None  # None where none was given
    storage: str | None
    question: str
    study_name: str | None
    n_trials: int | None
    n_jobs: int
    bracket_error: float
    bracket_trials: int | None
    max_failure_rate: float
    relaunches: int
    shared_file: bool
    timeout: float  # seconds; infinite where none was given
    dry_run: bool
    lease: float
    reuse: bool
    params: Mapping[str, str]
    conditions: Mapping[str, Any]
    enqueue: list[Any]
    custom_search_space: str
    allow: tuple[str, ...]

    @classmethod
    def read(cls, composed: Mapping[str, Any]) -> "Settings":
        """Check what Hydra composed for `hydra.sweeper`.

        Raises:
            InputError: names the key, what is allowed and what was given.
        """
        plain: dict[str, Any] = {
            key: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            for key, value in composed.items()
        }
        if plain["pruner"] is None:
            plain["pruner"] = {"_target_": NO_PRUNER}
        directions = _directions(plain["direction"])
        is_multiobjective = directions is not None and len(directions) > 1
        for part in ("sampler", "pruner"):
            if not isinstance(plain[part], Mapping) or "_target_" not in plain[part]:
                raise InputError(f"hydra.sweeper.{part} must have a _target_, got {plain[part]!r}")
        if is_multiobjective and plain["sampler"]["_target_"] == "optuna.samplers.CmaEsSampler":
            raise InputError("hydra/sweeper/sampler must not be cmaes with several directions")
        if is_multiobjective and plain["pruner"]["_target_"] != NO_PRUNER:
            raise InputError("hydra/sweeper/pruner must be none with several directions")
        if plain["n_trials"] is not None:
            validation.integer("hydra.sweeper.n_trials", plain["n_trials"], at_least=1)
        if plain["n_jobs"] == -1:  # one per core, as in joblib
            plain["n_jobs"] = cores()
        validation.integer("hydra.sweeper.n_jobs", plain["n_jobs"], at_least=1)
        validation.number("hydra.sweeper.max_failure_rate", plain["max_failure_rate"], at_least=0, at_most=1)
        validation.integer("hydra.sweeper.relaunches", plain["relaunches"], at_least=0)
        validation.number("hydra.sweeper.bracket_error", plain["bracket_error"], above=0)
        validation.number("hydra.sweeper.lease", plain["lease"], at_least=1)
        if plain["bracket_trials"] is not None:
            validation.integer("hydra.sweeper.bracket_trials", plain["bracket_trials"], at_least=0)
        if plain["study_name"] is not None:
            check_name("hydra.sweeper.study_name", str(plain["study_name"]))
        return cls(
            sampler=plain["sampler"],
            pruner=plain["pruner"],
            directions=directions,
            storage=plain["storage"],
            question=_question(plain["question"]),
            study_name=None if plain["study_name"] is None else str(plain["study_name"]),
            n_trials=plain["n_trials"],
            n_jobs=plain["n_jobs"],
            bracket_error=plain["bracket_error"],
            bracket_trials=plain["bracket_trials"],
            max_failure_rate=plain["max_failure_rate"],
            relaunches=plain["relaunches"],
            shared_file=plain["shared_file"],
            timeout=math.inf if plain["timeout"] is None else seconds("hydra.sweeper.timeout", plain["timeout"]),
            dry_run=plain["dry_run"],
            lease=float(plain["lease"]),
            reuse=plain["reuse"],
            params=plain["params"] or {},
            conditions=plain["conditions"] or {},
            enqueue=plain["enqueue"] or [],
            custom_search_space=plain["custom_search_space"] or "",
            allow=tuple(plain["allow"]),
        )


def _question(given: Any) -> str:
    """Return a question as one line."""
    if given is not None and not isinstance(given, str):
        raise InputError(f"hydra.sweeper.question must be a text, got {given!r}: put it in quotes")
    return " ".join((given or "").split())


def check_same_for_all(settings: Settings, config: DictConfig, composer: "Composer", space: Space) -> None:
    """Refuse a search that depends on the trial: on a choice whose files set it, or on the value of a swept key.

    Args:
        settings: as read from the sweep's config.
        config: of the sweep, with its hydra node.
        composer: of its trials.
        space: the swept keys.

    Raises:
        InputError: names the key, its value for the sweep and for a trial.
    """
    raw: Any = OmegaConf.to_container(config.hydra.sweeper, resolve=False)
    refers = any("${" in str(value) for key, value in raw.items() if key not in NAMES)
    in_files = {key.lstrip("+~") for key in settings.params}  # what the command line fixes, Hydra has composed
    unseen = [part for part in space.parts if isinstance(part, Dimension) or part.name in in_files]
    groups = tuple(f"{part.name}=" for part in unseen if _may_choose(part) and composer.is_group(part.name))
    if not groups and not refers:
        return
    ours, seen = _flat(_resolved(config) if refers else raw), set[tuple[str, ...]]()
    for overrides in space.boundary_overrides():
        choices = tuple(each for each in overrides if each.lstrip("+~").startswith(groups))
        if choices in seen and not refers:
            continue
        seen.add(choices)
        theirs = _flat(_resolved(composer.job(overrides, 0)) if refers else composer.sweeper(overrides))
        for key in dict.fromkeys((*ours, *theirs)):
            if ours.get(key) != theirs.get(key):
                told = f"{ours.get(key, 'not set')}, but {theirs.get(key, 'not set')} with {' '.join(overrides)}"
                raise InputError(f"hydra.sweeper.{key} must be the same for all trials, got {told}")


def _may_choose(part: Part) -> bool:
    """Return whether a part may choose from a config group, whose choices are texts."""
    if isinstance(part, Fixed) or not isinstance(part.distribution, CategoricalDistribution):
        return isinstance(part, Fixed)
    return all(isinstance(choice, str) for choice in part.distribution.choices)


def _resolved(config: DictConfig) -> dict[str, Any]:
    """Return the keys of a search without interpolations."""
    values = {}
    try:
        for key in map(str, config.hydra.sweeper):
            if key not in NAMES:
                value = config.hydra.sweeper[key]
                values[key] = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    except OmegaConfBaseException as error:
        raise InputError(one_line(error)) from error
    return values


def _flat(sweeper: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a search, those inside others by their path; an empty one has none."""
    flat: dict[str, Any] = {}
    for key, value in sweeper.items():
        if key not in NAMES:
            flat |= (
                {f"{key}.{name}": inner for name, inner in value.items()} if isinstance(value, dict) else {key: value}
            )
    return flat


def _directions(given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    directions = tuple(given) if isinstance(given, list) else (given,)
    for name in directions or ("",):
        validation.choice("hydra.sweeper.direction", name, ("minimize", "maximize"))
    return directions
