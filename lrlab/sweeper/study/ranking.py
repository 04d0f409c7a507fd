"""The settings of a study, ranked: trials that differ in their seed alone are repetitions of one setting.

The best single value of a search names the luckiest seed. The mean over the seeds names the setting that is best of
all those tried. Where the seed is not swept, every trial is a setting of its own.
"""

import json
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Final, Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from lrlab.sweeper.search.space import MAX_SEED
from lrlab.sweeper.study.queue import UNPLANNED, has_ended
from lrlab.sweeper.study.state import seed_key
from lrlab.sweeper.study.study import SPEC

CONFIDENCE: Final = 0.95
MIN_TRIED: Final = 3  # of two values one is always the lowest and the other the highest
END_FRACTION: Final = 0.02  # of an interval, on its scale: hardly a trial lies at the very end

End = Literal["lowest", "highest"]


@dataclass(frozen=True)
class Setting:
    """All swept values but the seed, and what its seeds came to.

    Attributes:
        params: the values.
        mean: objective over the seeds.
        spread: sample standard deviation over the seeds; None for one.
        values: objective of each seed; under None where the seed is not swept.
        trials: their numbers, in rising order.
        trial: stands for all of them: the median, and of an even number the worse of the two in the middle, so that
            of two seeds it is not the luckier.
    """

    params: dict[str, Any]
    mean: float
    spread: float | None
    values: dict[Any, float]
    trials: tuple[int, ...]
    trial: int

    @property
    def seed_is_swept(self) -> bool:
        return None not in self.values


def ranked(study: optuna.Study) -> list[Setting]:
    """Return the settings that may be called best, in the order of their mean objectives.

    One of which a trial diverged or failed may not; one that lacks swept seeds may only if all do.
    """
    sign = -1.0 if study.direction.name == "MAXIMIZE" else 1.0
    trials, seed = list(filter(has_ended, study.get_trials(deepcopy=False))), seed_key(study)
    repetitions: dict[str, list[FrozenTrial]] = defaultdict(list)
    for trial in trials:
        repetitions[json.dumps(_params(trial, seed)) if seed in trial.params else str(trial.number)].append(trial)
    settings = [
        _setting([trial for trial in group if trial.state == TrialState.COMPLETE], seed, sign)
        for group in repetitions.values()
        if not any(map(_has_failed, group)) and any(trial.state == TrialState.COMPLETE for trial in group)
    ]
    seeds = _swept_seeds(trials, seed)
    with_every_seed = [setting for setting in settings if len(setting.values) >= seeds]
    return sorted(with_every_seed or settings, key=lambda setting: sign * setting.mean)


def tied(settings: Sequence[Setting]) -> Setting | None:
    """Return the second of ranked settings if the noise of the seeds explains how far it is behind the first.

    Decided by Student's t of the differences at common seeds; None if it is clearly behind, or if there are fewer than
    two common seeds to tell it by.
    """
    from lrlab.scaling_law.estimate import mean_of  # imports SciPy

    if len(settings) < 2:
        return None
    first, second = settings[:2]
    differences = [second.values[seed] - value for seed, value in first.values.items() if seed in second.values]
    if len(differences) < 2:
        return None
    behind = mean_of(differences)
    return second if abs(behind.value) <= behind.half_width(CONFIDENCE) else None


def at_ends(study: optuna.Study, setting: Setting) -> dict[str, End]:
    """Return which numbers of a setting are at an end of what was tried: a better one may lie beyond.

    Of a choice or range these are the lowest and the highest value tried, of an interval its lowest and highest 2 %.
    Below 0 there is no lambda and no warmup, below the whole number 1 no number of neighbours.
    """
    trials = list(filter(has_ended, study.get_trials(deepcopy=False)))
    definitions = study.user_attrs.get(SPEC, {}).get("space", {})
    distributions = next(trial.distributions for trial in trials if trial.number == setting.trial)
    ends: dict[str, End] = {}
    for key, value in setting.params.items():
        tried = {trial.params[key] for trial in trials if key in trial.params}
        if len(tried) < MIN_TRIED or not all(map(_is_number, tried)):
            continue
        is_choice = isinstance(distributions[key], CategoricalDistribution)
        is_interval = not is_choice and "interval(" in definitions.get(key, "interval(")
        low, high = _inner_bounds(distributions[key]) if is_interval else (min(tried), max(tried))
        if value >= high:
            ends[key] = "highest"
        elif value <= low and not _ends_by_nature(getattr(distributions[key], "low", value) if is_interval else value):
            ends[key] = "lowest"
    return ends


def _ends_by_nature(lowest: float) -> bool:
    """Return whether hardly a key has values below: 0 of a number, 1 of a count."""
    return lowest == 0 or (lowest == 1 and isinstance(lowest, int))


def _has_failed(trial: FrozenTrial) -> bool:
    """Return whether a trial diverged, failed, or broke a constraint."""
    return trial.state == TrialState.FAIL or any(value > 0 for value in trial.constraints.values())


def _params(trial: FrozenTrial, seed: str) -> dict[str, Any]:
    return {key: value for key, value in sorted(trial.params.items()) if key != seed}


def _setting(trials: Sequence[FrozenTrial], seed_key: str, sign: float) -> Setting:
    """Return the setting of its completed trials; a seed that was tried twice counts once."""
    of_seed: dict[Any, tuple[float, int]] = {}
    for trial in trials:
        assert trial.value is not None
        of_seed.setdefault(trial.params.get(seed_key), (trial.value, trial.number))
    values = {seed: value for seed, (value, _) in of_seed.items()}
    best_first = sorted(of_seed.values(), key=lambda each: sign * each[0])
    return Setting(
        params={key: value for key, value in trials[0].params.items() if key != seed_key},
        mean=fmean(values.values()),
        spread=stdev(values.values()) if len(values) > 1 else None,
        values=values,
        trials=tuple(number for _, number in of_seed.values()),
        trial=best_first[len(best_first) // 2][1],
    )


def _swept_seeds(trials: Sequence[FrozenTrial], key: str) -> float:
    """Return how many seeds were swept, those that a bracket added left out."""
    seed = next((trial.distributions[key] for trial in trials if key in trial.distributions), None)
    if isinstance(seed, CategoricalDistribution):
        return len(seed.choices)
    if isinstance(seed, IntDistribution) and seed.high == MAX_SEED:  # a bracket may add to them
        return len({trial.params[key] for trial in trials if UNPLANNED not in trial.user_attrs})
    if isinstance(seed, IntDistribution):
        return len(range(seed.low, seed.high + 1, seed.step))
    return math.inf if seed else 1


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _inner_bounds(interval: BaseDistribution) -> tuple[float, float]:
    """Return what is left of an interval without its ends."""
    assert isinstance(interval, FloatDistribution | IntDistribution)
    low, high = (math.log(end) if interval.log else end for end in (interval.low, interval.high))
    margin = END_FRACTION * (high - low)
    inner = low + margin, high - margin
    return (math.exp(inner[0]), math.exp(inner[1])) if interval.log else inner
