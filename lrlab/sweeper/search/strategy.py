"""How a sweep chooses the values of its trials."""

import random
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from zlib import crc32

from omegaconf import DictConfig
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from lrlab.config.instantiate import instantiate, locate
from lrlab.errors import InputError
from lrlab.sweeper.search.bounded_history import BoundedHistory
from lrlab.sweeper.search.grammar import value_text
from lrlab.sweeper.search.prior import PriorSampler
from lrlab.sweeper.search.space import Fixed, Space
from lrlab.sweeper.search.stepped_sampler import SteppedSampler

if TYPE_CHECKING:
    import optuna

GRID, QMC, TPE = (f"optuna.samplers.{name}Sampler" for name in ("Grid", "QMC", "TPE"))
NO_PRUNER = "optuna.pruners.NopPruner"
LIBRARIES = {"GPSampler": "torch"}  # that Optuna imports only after the start-up trials, and lrlab does not install
DEFAULT_TRIALS = 20
MAX_COMBINATIONS = 100_000


@dataclass(frozen=True)
class SearchStrategy:
    """The search space with the sampler and the pruner of a sweep; picklable.

    Attributes:
        space: the swept keys, and the overrides that hold for all trials.
        is_exhaustive: every combination of the space is run once, in order; the sampler is not used.
        sampler_config, pruner_config: `_target_` and arguments of Optuna's classes.
        custom: full name of a function `(config, trial) -> None` that suggests further values, or "".
        allow: prefixes of further targets that the user trusts.
        enqueued: values of some swept keys, each for one of the first trials.
    """

    space: Space
    is_exhaustive: bool
    sampler_config: Mapping[str, Any]
    pruner_config: Mapping[str, Any]
    custom: str = ""
    allow: tuple[str, ...] = ()
    enqueued: tuple[Mapping[str, Any], ...] = ()

    @property
    def fixed(self) -> tuple[str, ...]:
        """Return the overrides that hold for all trials, as a `StudySpec` stores them."""
        custom = (f"custom_search_space={self.custom}",) if self.custom else ()
        return self.space.fixed + custom

    def planned_trials(self, trials: int | None) -> list[Mapping[str, Any]]:
        """Return the values of every trial; those are missing that the sampler will choose.

        Raises:
            InputError: more are enqueued than there will be trials.
        """
        if not self.is_exhaustive:
            count = trials or DEFAULT_TRIALS
            if len(self.enqueued) > count:
                raise InputError(
                    f"hydra.sweeper.n_trials must be at least {len(self.enqueued)}, as many as hydra.sweeper.enqueue "
                    f"has points, got {count}"
                )
            return [*self.enqueued, *[{}] * (count - len(self.enqueued))]
        combinations: list[Mapping[str, Any]] = list(self.space.combinations())
        if trials is not None and trials < len(combinations):  # a random part of the grid
            random.Random(self.sampler_config.get("seed") or 0).shuffle(combinations)
        return sorted(combinations, key=self._place)[:trials]

    def learns(self, trials: Sequence[Mapping[str, Any]]) -> bool:
        """Return whether earlier ones of these planned trials decide on later ones: on their values, or their ends."""
        chosen = not self.is_exhaustive and any(len(values) < len(self.space.dimensions) for values in trials)
        return chosen or self.pruner_config["_target_"] != NO_PRUNER

    def _place(self, values: Mapping[str, Any]) -> int:
        """Return the place in the queue of a combination of values; what is not enqueued comes last."""
        places = (place for place, point in enumerate(self.enqueued) if is_part(point, values))
        return next(places, len(self.enqueued))

    def remark(self, trials: int | None) -> str:
        """Return what to say of an enumeration if there are not as many combinations as trials were asked for."""
        size = self.space.size if self.is_exhaustive else 0
        if not size or trials in (None, size):
            return ""
        asked, there_are = f"hydra.sweeper.n_trials={trials}", f"{size} combination{'s' * (size > 1)}"
        if trials > size:
            return f"the space has {there_are}, each of which is tried once: {asked} is more than there are"
        if self.sampler_config["_target_"] == GRID:
            return ""
        return f"{asked} of {there_are} were drawn, none of them twice; hydra/sweeper/sampler=tpe would search instead"

    def sampler(self, study: str, worker: int, past: int, concurrent: int = 1) -> BaseSampler:
        """Return the sampler of one worker, of a sweep of so many concurrent trials.

        TPE draws at least as many at random: it settles on a choice early, such as a batch size, and on the best one
        only if every choice has been tried well.

        A seed is advanced by the number of earlier trials, so that a resumed study is not searched at the same
        points again, and differs between workers. A quasi-random sequence counts its points in the study
        instead, and must be the same one for all workers.
        """
        config = dict(self.sampler_config)
        if config.get("_target_") == GRID:
            return RandomSampler()  # never used: every trial of a grid has its values
        if config.get("_target_") == QMC:
            config["seed"] = crc32(study.encode()) if config.get("seed") is None else config["seed"]
        elif config.get("seed") is not None:
            config["seed"] = (config["seed"] + past + 7919 * worker) % 2**32
        if config.get("_target_") == TPE:
            config["n_startup_trials"] = max(config.get("n_startup_trials", 10), concurrent)  # 10 is Optuna's
        sampler: BaseSampler = self._instantiate("sampler", config, BaseSampler)
        if not self.is_exhaustive:
            _check_installed(self.sampler_config, "hydra.sweeper.sampler")
        if isinstance(sampler, TPESampler):
            sampler = BoundedHistory(sampler)
        priors = {each.name: each.prior for each in self.space.dimensions if each.prior is not None}
        if priors:
            seed = self.sampler_config.get("seed")
            return PriorSampler(sampler, priors, len(self.enqueued), None if seed is None else seed % 2**32)
        return SteppedSampler(sampler)

    def pruner(self) -> BasePruner:
        """Return the pruner; every worker must have the same."""
        pruner: BasePruner = self._instantiate("pruner", self.pruner_config, BasePruner)
        return pruner

    def overrides(self, trial: "optuna.Trial", config: DictConfig) -> tuple[str, ...]:
        """Choose the values of a trial, and write them as overrides.

        Raises:
            InputError: the custom function suggests a key that an override fixes.
        """
        params = self.space.suggest(trial)
        overrides = self.space.overrides(params)
        if not self.custom:
            return overrides
        self.custom_function()(config, trial)
        for part in self.space.parts:
            if isinstance(part, Fixed) and part.name in trial.params:
                raise InputError(
                    f"hydra.sweeper.custom_search_space must not suggest {part.name}, which {part.text} fixes, "
                    f"got {trial.params[part.name]!r}"
                )
        further = {name: value for name, value in trial.params.items() if name not in params}
        return overrides + tuple(f"{name}={value_text(value)}" for name, value in further.items())

    def _instantiate(self, part: str, config: Mapping[str, Any], kind: type) -> Any:
        key, allowed = f"hydra.sweeper.{part}", (f"optuna.{part}s.", *self.allow)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # the user chose it by name
            instance = instantiate(config, key=key, allowed=allowed, opt_in="'hydra.sweeper.allow=[{}]'")
        if not isinstance(instance, kind):
            raise InputError(f"{key} must be a {part} of Optuna, got {instance!r}")
        return instance

    def custom_function(self) -> Any:
        """Return the user's function for `custom_search_space`.

        Raises:
            InputError: its package is not in `allow`, or it cannot be found.
        """
        key = "hydra.sweeper.custom_search_space"
        if not self.allow:
            root = self.custom.partition(".")[0]
            raise InputError(f"{key} needs 'hydra.sweeper.allow=[{root}.]' to be imported, got {self.custom!r}")
        return locate(self.custom, key=key, allowed=self.allow)


def is_part(point: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Return whether a trial has all values of a point."""
    return all(name in values and values[name] == value for name, value in point.items())


def _check_installed(node: Any, key: str) -> None:
    """Refuse a sampler, or one inside another, whose library is missing."""
    if not isinstance(node, Mapping):
        return
    name = str(node.get("_target_", "")).rpartition(".")[2]
    library = LIBRARIES.get(name)
    if library and find_spec(library) is None:
        raise InputError(
            f"{key}._target_ must be a sampler whose library is installed, got {name}: pip install {library}"
        )
    for argument, value in node.items():
        _check_installed(value, f"{key}.{argument}")


def is_exhaustive(space: Space, target: str, trials: int | None, custom: str, *, chosen: bool = True) -> bool:
    """Return whether every combination is run, rather than a number of trials searched.

    Args:
        space: the swept keys.
        target: class of the sampler.
        trials: how many were asked for.
        custom: name of a function that suggests further values, or "".
        chosen: whether the user chose the sampler; without a choice, a finite space needs none.

    Raises:
        InputError: a grid over an interval, or one too large to list.
    """
    grid = target == GRID
    infinite = [dimension for dimension in space.dimensions if not dimension.values]
    if grid and (infinite or custom):
        named = f"{infinite[0].name}={infinite[0].definition}" if infinite else f"custom_search_space={custom}"
        raise InputError(f"hydra/sweeper/sampler=grid needs choice(…) or range(…) for every key, got {named}")
    if infinite or custom:
        return False
    is_bracket = any(dimension.is_bracketed for dimension in space.dimensions)  # which starts from all its values
    can_be_sampled = trials is not None and not grid
    if can_be_sampled and (chosen or is_bracket):
        return False
    size = space.size
    if size > MAX_COMBINATIONS and can_be_sampled:
        return False
    if size > MAX_COMBINATIONS:
        raise InputError(
            f"the search space has {size} combinations, more than {MAX_COMBINATIONS}: "
            "set hydra.sweeper.n_trials and another sampler than grid"
        )
    return True
