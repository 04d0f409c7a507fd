"""The runs of a study that are open: whose trials were taken over, or whose records wait on another host."""

import time
from collections import Counter
from typing import TYPE_CHECKING

from lrlab.config.command_line import Places, command
from lrlab.errors import RecordsLeftError
from lrlab.runtime.process_id import host
from lrlab.sweeper.study.queue import DEATHS, INTERRUPTED, MAX_DEATHS, OUTCOME, RUN_ID, claimants, has_ended
from lrlab.tracking.delivery_progress import interruptible
from lrlab.tracking.spool_delivery import PREFIX
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import SweepTrials, Tracker

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

STALL = 30.0  # seconds within which others who live deliver something, with a request that is too late and another
LOOK = 0.5  # seconds between two looks


def trials_of(study: "optuna.Study", parent: str) -> SweepTrials:
    """Return what a study knows of its trials, by which the runs that are open for good are told from others.

    Args:
        parent: the run of the sweep.
    """
    trials = study.get_trials(deepcopy=False)
    running = {str(trial.number) for trial in trials if not trial.state.is_finished()}
    interrupted = {str(trial.number) for trial in trials if _was_taken(trial)}
    return SweepTrials(parent, running, interrupted)


def wait_for_others(study: "optuna.Study", tracker: Tracker, parent: str, here: Places) -> None:
    """Wait until the runs of all trials that are done are whole, as long as other hosts deliver what is missing.

    Args:
        parent: the run of the sweep.
        here: where the records of the sweep are, for the commands to type.

    Raises:
        RecordsLeftError: names the hosts on which records are left; or Ctrl-C ended the waiting.
    """
    left, changed = _hosts_with_records(study, tracker, parent), time.monotonic()
    with interruptible():
        while left and time.monotonic() - changed < STALL:
            time.sleep(LOOK)
            before, left = left, _hosts_with_records(study, tracker, parent)
            if left != before:
                changed = time.monotonic()
    if left:
        where = ", ".join(f"{name} ({count})" for name, count in sorted(left.items()))
        repair, give_up = command("repair", places=here), command("repair", "--gone", min(left), places=here)
        raise RecordsLeftError(
            f"all trials are done, but the runs of {left.total()} are not whole: their records wait on {where}; "
            f"to deliver them, there: {repair}; if that machine is gone for good: {give_up}"
        )


def _hosts_with_records(study: "optuna.Study", tracker: Tracker, parent: str) -> Counter[str]:
    """Return how many trials are done, by the host that has yet to deliver records of their runs."""
    trials = study.get_trials(deepcopy=False)
    done = {str(trial.number): trial for trial in trials if has_ended(trial) and not _was_taken(trial)}
    found = {run.trial for run in tracker.unfinished_runs() if run.parent == parent} & set(done)
    early = {number: trial.user_attrs.get(RUN_ID, "") for number, trial in done.items()}
    if any(run_id.startswith(PREFIX) for run_id in early.values()):  # the server was away when the run began
        created = {run.tags.get(Tag.SPOOLED_AS) for run in tracker.summaries(parent)}
        found |= {number for number, run_id in early.items() if run_id.startswith(PREFIX) and run_id not in created}
    return Counter(host(next(iter(claimants(done[number])), "another host")) for number in found)


def _was_taken(trial: "FrozenTrial") -> bool:
    """Return whether a trial was closed by others than who ran it: to be tried again, or since it is deadly."""
    return trial.user_attrs.get(OUTCOME) == INTERRUPTED or trial.user_attrs.get(DEATHS, 0) >= MAX_DEATHS
