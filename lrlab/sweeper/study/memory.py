"""Studies in the memory of this process, which nobody shares."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from lrlab.sweeper.study.trial_store import Beat, QueuedTrial, TrialStore


class MemoryStore(InMemoryStorage, TrialStore):
    """Optuna's storage in memory."""

    def __init__(self) -> None:
        super().__init__()
        self._finished: dict[int, list[FrozenTrial]] = defaultdict(list)

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        changed = super().set_trial_state_values(trial_id, state, values)
        if changed and state.is_finished():
            study, _ = self._trial_id_to_study_id_and_number[trial_id]
            self._finished[study].append(self.get_trial(trial_id))
        return changed

    def tally(self, study: int, attribute: str) -> Counter[tuple[TrialState, Any]]:
        return tally(self.get_all_trials(study, deepcopy=False), attribute)

    def claim(self, study: int, key: str, value: Any) -> int | None:
        for trial in self.get_all_trials(study, deepcopy=False, states=(TrialState.WAITING,)):
            trial_id = self.get_trial_id_from_study_id_trial_number(study, trial.number)
            self.set_trial_user_attr(trial_id, key, value)
            if self.set_trial_state_values(trial_id, TrialState.RUNNING):
                return trial_id
        return None

    def add(self, study: int, trials: Sequence[QueuedTrial]) -> None:
        for each in trials:
            self.create_new_trial(study, waiting(each))

    def requeue(self, trial: int, attributes: Mapping[str, Any], again: QueuedTrial | None) -> bool:
        with self._lock:
            if self.get_trial(trial).state != TrialState.RUNNING:
                return False
            try:
                for name, value in attributes.items():
                    self.set_trial_user_attr(trial, name, value)
                self.set_trial_state_values(trial, TrialState.FAIL)
            except UpdateFinishedTrialError:
                return False
            if again:
                self.add(self._trial_id_to_study_id_and_number[trial][0], [again])
            return True

    def renew(self, trials: Collection[int]) -> set[int]:
        return {trial for trial in trials if self.get_trial(trial).state == TrialState.RUNNING}

    def beats(self, study: int) -> dict[int, Beat]:
        return {}

    def running(self, study: int) -> list[FrozenTrial]:
        return self.get_all_trials(study, deepcopy=False, states=(TrialState.RUNNING,))

    def finished(self, study: int) -> Sequence[FrozenTrial]:
        return self._finished[study]


def tally(trials: Sequence[FrozenTrial], attribute: str) -> Counter[tuple[TrialState, Any]]:
    """Count trials as `TrialStore.tally` does."""
    return Counter((trial.state, failure(trial, attribute)) for trial in trials)


def failure(trial: FrozenTrial, attribute: str) -> Any:
    """Return the attribute of a trial that FAILed; None of any other."""
    return trial.user_attrs.get(attribute) if trial.state == TrialState.FAIL else None


def waiting(trial: QueuedTrial) -> FrozenTrial:
    """Return a trial to be queued as Optuna has it: its values are under a key that Optuna does not document."""
    return create_trial(
        state=TrialState.WAITING,
        system_attrs={"fixed_params": dict(trial.params)},
        user_attrs=dict(trial.user_attrs),
    )
