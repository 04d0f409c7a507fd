"""`key=tag(prior:VALUE, interval(…))`: a search that begins near a value.

The first trial whose values the sampler chooses has the value itself. In the next nine the key is drawn from a normal
distribution around it, of the logarithm with `tag(log, …)`, whose standard deviation is a sixth of the interval, cut
off at its ends. After these ten the sampler is on its own: a prior that was wrong costs ten trials.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler

from lrlab.sweeper.search.stepped_sampler import SteppedSampler

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

TRIALS: Final = 10  # to which priors apply
WIDTH: Final = 1 / 6  # standard deviation as a part of the interval


class PriorSampler(SteppedSampler):
    """Another sampler, that begins near priors.

    Args:
        sampler: chooses all other values.
        priors: of the keys that have one.
        first: the number of the first trial whose values are chosen.
        seed: of the draws; None for others each time. They depend on the number of the trial, not on the worker.
    """

    def __init__(self, sampler: BaseSampler, priors: Mapping[str, float], first: int = 0, seed: int | None = None):
        super().__init__(sampler)
        self._priors, self._first, self._seed = priors, first, seed

    def sample_relative(
        self, study: "Study", trial: "FrozenTrial", search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        values = super().sample_relative(study, trial, search_space)
        return {
            name: self._draw(trial.number, name, search_space[name]) if self._begins(trial, name) else value
            for name, value in values.items()
        }

    def sample_independent(
        self, study: "Study", trial: "FrozenTrial", param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        if self._begins(trial, param_name):
            return self._draw(trial.number, param_name, param_distribution)
        return super().sample_independent(study, trial, param_name, param_distribution)

    def _begins(self, trial: "FrozenTrial", name: str) -> bool:
        return name in self._priors and self._first <= trial.number < self._first + TRIALS

    def _draw(self, number: int, name: str, distribution: BaseDistribution) -> float:
        prior = self._priors[name]
        if number == self._first:
            return prior
        seed = None if self._seed is None else (self._seed, number, crc32(name.encode()))
        return draw_near(prior, distribution, np.random.default_rng(seed))


def draw_near(prior: float, distribution: BaseDistribution, rng: np.random.Generator) -> float:
    """Return a value of an interval from a normal distribution around a prior, on the interval's scale."""
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    to_scale, from_scale = (math.log, math.exp) if distribution.log else (float, float)
    low, high = to_scale(distribution.low), to_scale(distribution.high)
    position = math.inf
    while not low <= position <= high:  # half of the draws at least are inside
        position = rng.normal(to_scale(prior), WIDTH * (high - low))
    value = min(max(from_scale(position), distribution.low), distribution.high)
    return round(value) if isinstance(distribution, IntDistribution) else float(value)
