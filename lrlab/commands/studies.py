"""The studies of a storage: what each swept, how far it is, its best, its trials; and how one is deleted."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lrlab.errors import InputError
from lrlab.sweeper.study import study as studies
from lrlab.sweeper.study.queue import REUSES, TrialCounts, claimants, outcome_of
from lrlab.sweeper.study.ranking import ranked
from lrlab.sweeper.study.state import read_state
from lrlab.sweeper.study.storage import Storage
from lrlab.sweeper.study.study import SPEC
from lrlab.tracking.client_store import ClientStore

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class StudySummary:
    """A study at a glance.

    Attributes:
        study: its name.
        sweep: the sweep's config; "" where it is not on record.
        begun: when its first trial began, as ISO 8601 in local time; None before that.
        swept: every swept key with its definition in Hydra's grammar.
        trials: how many are waiting, running, complete, pruned, failed and diverged.
        directions: minimize or maximize, for each objective.
        best: mean objective over the seeds of the best configuration; None without one, or with several objectives.
        params: of that configuration.
        run_id: of the sweep's own run; "" where there is none.
    """

    study: str
    sweep: str
    begun: str | None
    swept: dict[str, str]
    trials: TrialCounts
    directions: tuple[str, ...]
    best: float | None
    params: dict[str, Any]
    run_id: str


def summaries(storage: Storage) -> list[StudySummary]:
    """Return all studies of a storage, the newest first."""
    return [summary(studies.load(storage, name)) for name in reversed(studies.names(storage))]


def summary(study: "optuna.Study") -> StudySummary:
    """Return a study at a glance; its trials may still run."""
    trials = study.get_trials(deepcopy=False)
    try:
        state = read_state(study)
    except InputError:  # of another version: what the study itself says can be read
        state = None
    best = next(iter(ranked(study)), None) if len(study.directions) == 1 else None
    begun = min((trial.datetime_start for trial in trials if trial.datetime_start), default=None)
    return StudySummary(
        study=study.study_name,
        sweep=state.command.config_name if state and state.command else "",
        begun=_iso(begun),
        swept=dict(study.user_attrs.get(SPEC, {}).get("space", {})),
        trials=TrialCounts.of(trials),
        directions=tuple(direction.name.lower() for direction in study.directions),
        best=best.mean if best else None,
        params=best.params if best else {},
        run_id=state.run_id if state else "",
    )


def trial_table(study: "optuna.Study") -> list[dict[str, Any]]:
    """Return a row for every trial: number, outcome, objective(s), begun, seconds, run_id, reuses, every swept value.

    An objective that does not exist is None. `reuses` is the trial whose objective it is, if this one was not run.
    """
    keys = sorted({key for trial in study.get_trials(deepcopy=False) for key in trial.params})
    return [
        {
            "trial": trial.number,
            "outcome": outcome_of(trial),
            **dict(zip(_objectives(study), trial.values or [None] * len(study.directions), strict=True)),
            "begun": _iso(trial.datetime_start),
            "seconds": trial.duration.total_seconds() if trial.duration else None,
            "run_id": trial.user_attrs.get("run_id"),
            "reuses": trial.user_attrs.get(REUSES),
            **{key: trial.params.get(key) for key in keys},
        }
        for trial in study.get_trials(deepcopy=False)
    ]


def delete(study: "optuna.Study", storage: Storage, runs: ClientStore | None) -> int:
    """Delete a study for good, after its runs have gone to MLflow's trash; return how many runs there were.

    Args:
        storage: which holds the study.
        runs: the store that holds its runs; None if there is none.

    Raises:
        InputError: processes may be running its trials, or the store cannot be reached.
    """
    import optuna

    trials = study.get_trials(deepcopy=False)
    running = [trial for trial in trials if trial.state.name == "RUNNING" and claimants(trial)]
    if running:
        raise InputError(
            f"study {study.study_name} has {len(running)} running trials: stop its sweep, or `lrlab repair` if it died"
        )
    state = read_state(study)
    count = runs.delete_with_children(state.run_id) if runs and state and state.run_id else 0
    optuna.delete_study(study_name=study.study_name, storage=storage.open())
    return count


def _objectives(study: "optuna.Study") -> list[str]:
    count = len(study.directions)
    return ["objective"] if count == 1 else [f"objective_{number}" for number in range(count)]


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
