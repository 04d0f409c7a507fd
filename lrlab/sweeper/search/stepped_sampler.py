"""A sampler whose steps are counted in decimals."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna import Study
    from optuna.trial import FrozenTrial, TrialState


def on_grid(value: float, start: float, step: float) -> float:
    """Return the nearest of start, start + step, …, as one counts them: 0.3, not 0.30000000000000004."""
    return float(Decimal(repr(start)) + Decimal(repr(step)) * round((value - start) / step))


class SteppedSampler(BaseSampler):
    """Another sampler, whose floats with a step are put where they are counted to.

    So the study holds what the job gets, and what an enumeration of the same range would have.
    """

    def __init__(self, sampler: BaseSampler) -> None:
        self.sampler = sampler

    def infer_relative_search_space(self, study: "Study", trial: "FrozenTrial") -> dict[str, BaseDistribution]:
        return self.sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: "Study", trial: "FrozenTrial", search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        values = self.sampler.sample_relative(study, trial, search_space)
        return {name: _placed(value, search_space[name]) for name, value in values.items()}

    def sample_independent(
        self, study: "Study", trial: "FrozenTrial", param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        value = self.sampler.sample_independent(study, trial, param_name, param_distribution)
        return _placed(value, param_distribution)

    def before_trial(self, study: "Study", trial: "FrozenTrial") -> None:
        self.sampler.before_trial(study, trial)

    def after_trial(
        self, study: "Study", trial: "FrozenTrial", state: "TrialState", values: "Sequence[float] | None"
    ) -> None:
        self.sampler.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        self.sampler.reseed_rng()


def _placed(value: Any, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        return on_grid(value, distribution.low, distribution.step)
    return value
