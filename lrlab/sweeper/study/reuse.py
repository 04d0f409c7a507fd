"""`hydra.sweeper.reuse=true`, on record: which runs have stood for further trials with the same values."""

from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

from optuna.trial import TrialState

from lrlab.sweeper.study.queue import REUSES, RUN_ID
from lrlab.tracking.store import MissingRunError
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import Tracker

if TYPE_CHECKING:
    import optuna


def tag_reused_runs(study: "optuna.Study", tracker: Tracker) -> None:
    """Tag each run of a study whose objective other trials were told with their numbers.

    Those trials have no runs of their own: they would look like independent repetitions.
    """
    trials = study.get_trials(deepcopy=False)
    told: dict[str, list[str]] = defaultdict(list)
    for trial in trials:
        if trial.state == TrialState.COMPLETE and REUSES in trial.user_attrs:
            told[trials[trial.user_attrs[REUSES]].user_attrs.get(RUN_ID, "")].append(str(trial.number))
    told.pop("", None)  # was not recorded
    for run_id, numbers in told.items():
        with suppress(MissingRunError):  # deleted since
            tracker.set_tags(run_id, {Tag.REUSED_BY: ", ".join(numbers)})
