"""What a process has read of a study in a database: what has finished since is read once, and never again."""

from dataclasses import dataclass, field

from optuna.trial import FrozenTrial, TrialState

from lrlab.sweeper.study.trial_store import id_of


@dataclass
class KnownTrials:
    """The trials of a study as they were last read, and the ids of those that may change.

    Attributes:
        trials: by id.
        waiting: in order.
        last_reports: of each running trial: the id of its row.
        finished: in the order in which they were heard of.
        last_id: of the trials that are known; -1 before the first.
    """

    trials: dict[int, FrozenTrial] = field(default_factory=dict)
    waiting: dict[int, None] = field(default_factory=dict)
    running: set[int] = field(default_factory=set)
    last_reports: dict[int, int] = field(default_factory=dict)
    finished: list[FrozenTrial] = field(default_factory=list)
    last_id: int = -1

    def keep(self, trial: FrozenTrial) -> None:
        """Take a trial as it has been read now."""
        trial_id = id_of(trial)
        self.trials[trial_id] = trial
        self.last_id = max(self.last_id, trial_id)
        self.waiting.pop(trial_id, None)
        self.running.discard(trial_id)
        if trial.state == TrialState.WAITING:
            self.waiting[trial_id] = None
        elif trial.state == TrialState.RUNNING:
            self.running.add(trial_id)
        else:
            self.finished.append(trial)
            self.last_reports.pop(trial_id, None)
