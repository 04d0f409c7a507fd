"""A TPE search whose cost for a trial does not grow with the study.

TPE compares the best tenth of all trials, but no more than 25, with all others, of which later ones count more, and the
last 25 fully. It gets the same best ones, the same last ones, and of all between them some, evenly spread.
"""

import bisect
import math
from typing import TYPE_CHECKING, Any, Final

from optuna.samplers import BaseSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from lrlab.sweeper.study.trial_store import TrialStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna import Study
    from optuna.distributions import BaseDistribution

BEST: Final = 25  # as many as TPE ever takes for the good ones
LATEST: Final = 25
SPREAD: Final = 375  # as many as leave a suggestion at 5 ms; with ten times 25 trials TPE takes 25 for good ones


class BoundedHistory(BaseSampler):
    """Optuna's TPE, that is shown some of the trials of a study. With several objectives it sees all."""

    def __init__(self, sampler: TPESampler) -> None:
        self.sampler = sampler
        self._seen = 0
        self._best: list[tuple[tuple[float, float, float], int, FrozenTrial]] = []  # the best first
        self._all: list[FrozenTrial] = []
        self._last: Any = None

    def infer_relative_search_space(self, study: "Study", trial: FrozenTrial) -> "dict[str, BaseDistribution]":
        return self.sampler.infer_relative_search_space(self._view(study, trial), trial)

    def sample_relative(
        self, study: "Study", trial: FrozenTrial, search_space: "dict[str, BaseDistribution]"
    ) -> dict[str, Any]:
        return self.sampler.sample_relative(self._view(study, trial), trial, search_space)

    def sample_independent(
        self, study: "Study", trial: FrozenTrial, param_name: str, param_distribution: "BaseDistribution"
    ) -> Any:
        return self.sampler.sample_independent(self._view(study, trial), trial, param_name, param_distribution)

    def before_trial(self, study: "Study", trial: FrozenTrial) -> None:
        self.sampler.before_trial(study, trial)

    def after_trial(
        self, study: "Study", trial: FrozenTrial, state: TrialState, values: "Sequence[float] | None"
    ) -> None:
        self.sampler.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        self.sampler.reseed_rng()

    def _view(self, study: "Study", trial: FrozenTrial) -> Any:
        """Return the study as it is when a trial gets its first value: what is remembered of it, and what runs."""
        if isinstance(self._last, _View) and self._last.seen_by == (study, trial.number):
            return self._last
        self._last = self._new_view(study, trial)
        return self._last

    def _new_view(self, study: "Study", trial: FrozenTrial) -> Any:
        storage = study._storage  # noqa: SLF001  as Optuna's own samplers and pruners do
        if len(study.directions) > 1 or not isinstance(storage, TrialStore):
            return study
        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        finished = storage.finished(study._study_id)  # noqa: SLF001
        for new in finished[self._seen :]:
            if new.state != TrialState.FAIL:
                self._remember(new, sign)
        self._seen = len(finished)
        remembered = {each.number: each for each in (*self._sample(), *(entry[2] for entry in self._best))}
        remembered |= {each.number: each for each in storage.running(study._study_id)}  # noqa: SLF001
        return _View(study, trial.number, [each for _, each in sorted(remembered.items())])

    def _remember(self, trial: FrozenTrial, sign: float) -> None:
        bisect.insort(self._best, (_rank(trial, sign), trial.number, trial))
        self._all.append(trial)
        del self._best[BEST:]

    def _sample(self) -> list[FrozenTrial]:
        """Return the latest trials, and as many of those before as are to be seen, evenly spread."""
        earlier = max(0, len(self._all) - LATEST)
        places = range(earlier) if earlier <= SPREAD else (earlier * i // SPREAD for i in range(SPREAD))
        return [*(self._all[i] for i in places), *self._all[earlier:]]


class _View:
    """A study of which some trials are seen, by a trial that gets its values.

    TPE notes in the storage what it is about to give, for workers that would look before it is given. All values of a
    trial are stored at once (`TrialStore.choosing`), so that there is no such moment, and no note.
    """

    def __init__(self, study: "Study", number: int, trials: "Sequence[FrozenTrial]") -> None:
        self.seen_by = study, number
        self._study, self._trials, self._storage = study, trials, _NoNotes(study)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(self, deepcopy: bool = True, states: Any = None, use_cache: bool = False) -> list[FrozenTrial]:
        return [trial for trial in self._trials if states is None or trial.state in states]


class _NoNotes:
    """The storage of a study, that keeps no notes of a sampler."""

    def __init__(self, study: "Study") -> None:
        self._storage = study._storage  # noqa: SLF001

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Do nothing."""


def _rank(trial: FrozenTrial, sign: float) -> tuple[float, float, float]:
    """Return where TPE places a trial: complete ones by value, then pruned ones by their step, then infeasible ones."""
    infeasible = sum(value for value in trial.constraints.values() if value > 0)
    if infeasible > 0:
        return 2.0, infeasible, 0.0
    if trial.state == TrialState.COMPLETE and trial.value is not None:
        return 0.0, sign * trial.value, 0.0
    if not trial.intermediate_values:
        return 1.0, 1.0, 0.0
    step, value = max(trial.intermediate_values.items())
    return 1.0, -step, math.inf if math.isnan(value) else sign * value
