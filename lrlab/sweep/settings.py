"""The keys of `hydra.sweeper`, checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import OmegaConf

from lrlab.config import validation
from lrlab.errors import InputError
from lrlab.runtime.environment import cores

NO_PRUNER = "optuna.pruners.NopPruner"


@dataclass(frozen=True)
class Settings:
    """As in `lrlab.sweep.config.Sweeper`, as plain values."""

    sampler: Mapping[str, Any]
    pruner: Mapping[str, Any]
    directions: tuple[str, ...] | None  # None where none was given
    storage: str | None
    study_name: str | None
    n_trials: int | None
    n_jobs: int
    bracket_error: float
    bracket_trials: int | None
    max_failure_rate: float
    params: Mapping[str, str]
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
        validation.number("hydra.sweeper.bracket_error", plain["bracket_error"], above=0)
        if plain["bracket_trials"] is not None:
            validation.integer("hydra.sweeper.bracket_trials", plain["bracket_trials"], at_least=0)
        name = plain["study_name"]
        if name is not None and not re.fullmatch(r"[^/\\\x00-\x1f]*[^/\\\x00-\x1f\s.][^/\\\x00-\x1f]*", str(name)):
            raise InputError(f"hydra.sweeper.study_name must not be empty, nor hold / or \\, got {name!r}")
        return cls(
            sampler=plain["sampler"],
            pruner=plain["pruner"],
            directions=directions,
            storage=plain["storage"],
            study_name=plain["study_name"],
            n_trials=plain["n_trials"],
            n_jobs=plain["n_jobs"],
            bracket_error=plain["bracket_error"],
            bracket_trials=plain["bracket_trials"],
            max_failure_rate=plain["max_failure_rate"],
            params=plain["params"] or {},
            custom_search_space=plain["custom_search_space"] or "",
            allow=tuple(plain["allow"]),
        )


def _directions(given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    directions = tuple(given) if isinstance(given, list) else (given,)
    for name in directions or ("",):
        validation.choice("hydra.sweeper.direction", name, ("minimize", "maximize"))
    return directions
