"""`key=tag(bracket, choice(…))`: values enumerated until the best of them is known closely at every setting.

A setting is a combination of the other swept keys; trials that differ in their `seed` alone are repetitions of one.
Where the best mean objective lies near an end of what was tried, further values are tried beyond that end, in the
ratio of those given, until three lie on either side of the best: one for its noise, and two so that a curve through it
is held on both sides. Then further values are tried around the best, or further seeds, whichever is missing, until the
standard error of ln(best value), misfit of the curve included (`lrlab.scaling_law`), is below the one asked for, or the
trials that brackets may add are spent.
"""

import itertools
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

from lrlab.errors import InputError
from lrlab.scaling_law.loss_curve import LossCurve
from lrlab.scaling_law.table import Table
from lrlab.sweeper.search.space import SEED, Dimension, Space
from lrlab.sweeper.search.strategy import SearchStrategy
from lrlab.sweeper.study.queue import UNPLANNED, has_ended

MIN_NEIGHBOURS: Final = 3  # values tried on either side of the best
MAX_ROUNDS: Final = 24  # of further values; the optimum is left as it is after these
MIN_RATIO: Final = 1.1  # of neighbouring values: closer ones tell hardly more than another seed would
REPEATED_VALUES: Final = 7  # values nearest to the best that get further seeds
DRAWS: Final = 300  # of each curve


@dataclass(frozen=True)
class Precision:
    """When a bracket is done.

    Attributes:
        standard_error: of ln(best value).
        trials: how many may be added to the planned ones.
    """

    standard_error: float = math.inf
    trials: int = 0


@dataclass(frozen=True)
class Setting:
    """The trials of one setting.

    Attributes:
        params: the swept keys but the bracketed one and the seed.
        values, seeds, losses: (N,) of its trials; less is better, infinite where a trial failed.
    """

    params: Mapping[str, Any]
    values: list[float]
    seeds: list[int]
    losses: list[float]

    @property
    def table(self) -> Table:
        columns = np.array(self.values), np.array(self.seeds).astype(str), np.array(self.losses)
        return Table(np.zeros(len(self.values), np.int64), *columns)

    def means(self) -> dict[float, float]:
        """Return the mean loss of every value, in rising order of the values."""
        losses = defaultdict(list)
        for value, loss in zip(self.values, self.losses, strict=True):
            losses[value].append(loss)
        return {value: sum(losses[value]) / len(losses[value]) for value in sorted(losses)}


def check(search: SearchStrategy, directions: Sequence[str]) -> None:
    """Refuse a bracket that cannot be moved.

    Raises:
        InputError: of two keys, in a search that is no enumeration, or with several objectives.
    """
    names = [dimension.name for dimension in search.space.dimensions if dimension.is_bracketed]
    if not names:
        return
    allowed = ""
    if len(names) > 1:
        allowed = "of one key"
    elif not search.is_exhaustive:
        allowed = "in an enumeration: choice(…) or range(…) for every other key, and hydra.sweeper.n_trials=null"
    elif len(directions) > 1:
        allowed = "with one objective"
    if allowed:
        raise InputError(f"tag(bracket, …) must be {allowed}, got {', '.join(names)}")


def check_study(space: Space, study: str, trials: Sequence[FrozenTrial]) -> None:
    """Refuse to go on with the bracket of a study whose seeds cannot be added to.

    Raises:
        InputError: an earlier version began it, whose seeds were fixed.
    """
    fixed = any(isinstance(trial.distributions.get(SEED), CategoricalDistribution) for trial in trials)
    if fixed and any(part.name == SEED and not _is_fixed(part) for part in space.dimensions):  # of a bracket
        raise InputError(
            f"study {study} was begun by a version of lrlab that could not add seeds: begin a new study "
            "(its report and its best still work)"
        )


def propose(
    space: Space, trials: Sequence[FrozenTrial], directions: Sequence[str], precision: Precision
) -> list[dict[str, Any]]:
    """Return the values of the trials that are still needed, seed by seed; none if every best value is known."""
    moving = next((dimension for dimension in space.dimensions if dimension.is_bracketed), None)
    left = precision.trials - sum(UNPLANNED in trial.user_attrs for trial in trials)
    if moving is None or left <= 0:
        return []
    from lrlab.scaling_law.curve_fit import fit  # imports SciPy, which a sweep without brackets does not need
    from lrlab.scaling_law.optimum import estimate

    seed = next((dimension for dimension in space.dimensions if dimension.name == SEED), None)
    planned = tuple(seed.values) if seed else (None,)
    can_add_seeds = seed is not None and not _is_fixed(seed)
    settings = list(_settings(trials, moving.name, -1.0 if directions[0] == "maximize" else 1.0))
    needed: list[dict[str, Any]] = []

    def add(setting: Setting, values: Sequence[float], seeds: Sequence[int | None]) -> None:
        for value, label in itertools.product(values, seeds):
            needed.append(dict(setting.params) | {moving.name: value} | ({} if label is None else {SEED: label}))

    inside = []
    for setting in settings:
        values = _beyond(moving, setting)
        add(setting, values, planned)
        inside += [] if values else [setting]
    curves = fit([setting.table for setting in inside], DRAWS, np.random.default_rng(0))
    for setting, curve in zip(inside, curves, strict=True):
        error = estimate(curve).standard_error if curve else 0.0
        if curve and error > precision.standard_error:
            values = _between(setting, curve, error, precision)
            add(setting, values, planned)
            if not values and can_add_seeds:
                add(setting, _nearest(setting, curve), _further_seeds(setting, curve, precision))
    return sorted(needed, key=lambda params: params.get(SEED, 0))[:left]


def _is_fixed(dimension: Dimension) -> bool:
    return isinstance(dimension.distribution, CategoricalDistribution)


def _settings(trials: Sequence[FrozenTrial], moving: str, sign: float) -> Iterator[Setting]:
    """Yield the settings with the trials that have ended."""
    found: dict[str, Setting] = {}
    for trial in trials:
        if has_ended(trial) and moving in trial.params:
            params = {name: value for name, value in trial.params.items() if name not in (moving, SEED)}
            setting = found.setdefault(json.dumps(params, sort_keys=True), Setting(params, [], [], []))
            value = trial.value if trial.state == TrialState.COMPLETE else None
            setting.values.append(trial.params[moving])
            setting.seeds.append(trial.params.get(SEED, 0))
            setting.losses.append(math.inf if value is None else sign * value)
    yield from found.values()


def _beyond(moving: Dimension, setting: Setting) -> list[float]:
    """Return values beyond those tried, until the best has `MIN_NEIGHBOURS` on either side."""
    means = setting.means()
    tried = list(means)
    best = min(range(len(tried)), key=lambda i: means[tried[i]])
    ratio = (max(moving.values) / min(moving.values)) ** (1 / (len(moving.values) - 1))
    below = [tried[0] / ratio**i for i in range(1, MIN_NEIGHBOURS - best + 1)]
    above = [tried[-1] * ratio**i for i in range(1, MIN_NEIGHBOURS - (len(tried) - 1 - best) + 1)]
    low, high = moving.boundary_values()
    return [_rounded(value) for value in (*below, *above) if low < value < high]


def _between(setting: Setting, curve: LossCurve, error: float, precision: Precision) -> list[float]:
    """Return the middles of the gaps in which the best value may lie, where it is the curve that is not known.

    Args:
        setting, curve: its trials and what they leave open.
        error: standard error of ln(best value).
        precision: asked for.
    """
    lack_of_fit = error**2 - curve.noise_variance
    if lack_of_fit < precision.standard_error**2 / 2:
        return []
    low, high = np.quantile(curve.optima, [0.025, 0.975])
    tried = np.log(list(setting.means()))
    return [
        _rounded(math.exp((a + b) / 2))
        for a, b in itertools.pairwise(tried)
        if b >= low and a <= high and b - a > 2 * math.log(MIN_RATIO)
    ]


def _nearest(setting: Setting, curve: LossCurve) -> list[float]:
    """Return the values tried that are nearest to the best."""
    return sorted(sorted(setting.means(), key=lambda value: abs(math.log(value) - curve.centre))[:REPEATED_VALUES])


def _further_seeds(setting: Setting, curve: LossCurve, precision: Precision) -> range:
    """Return new seeds: as many as bring the noise down, but no more than there were."""
    seeds = len(set(setting.seeds))
    wanted = math.ceil(seeds * curve.noise_variance / (precision.standard_error**2 / 2))
    first = max(setting.seeds) + 1
    return range(first, first + min(max(wanted - seeds, 1), seeds))


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
