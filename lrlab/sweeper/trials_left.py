"""A sweep that ends before all of its trials are done: what is missing, where it runs, and how to go on."""

import logging
import shlex
from collections import Counter
from collections.abc import Sequence

from optuna.trial import FrozenTrial

from lrlab.config.override import text_override
from lrlab.runtime.process_id import host
from lrlab.sweeper.plan import SweepPlan
from lrlab.sweeper.study.queue import Queue, claimants

log = logging.getLogger(__name__)


class TrialsLeft(SystemExit):
    """A sweep left trials, in order; a line said so. The exit code is 1.

    Attributes:
        study: its name.
    """

    def __init__(self, study: str) -> None:
        super().__init__(1)
        self.study = study


def check(plan: SweepPlan, queue: Queue) -> None:
    """Leave if trials are not done: say how many are, where the others run, and how to go on.

    Raises:
        TrialsLeft: they wait, or run elsewhere.
    """
    counts = queue.counts()
    if not (counts.waiting or counts.running):
        return
    told = f"{counts.done} of {counts.total} trials done"
    if counts.waiting and plan.sweep.is_overdue():
        told = f"the time limit, hydra.sweeper.timeout, was reached with {told}"
    else:
        told = f"the sweep ends with {told}"
    if counts.waiting:
        told += f", {counts.waiting} waiting"
    if counts.running:
        told += f", {counts.running} running {places(queue.running())}"
    again = shlex.quote(text_override("hydra.sweeper.study_name", plan.sweep.study))
    log.warning("%s", told if plan.storage.is_memory else f"{told}; the same command with {again} goes on")
    raise TrialsLeft(plan.sweep.study)


def places(running: Sequence[FrozenTrial]) -> str:
    """Return where trials run: how many on which machines, and how many are another program's."""
    hosts = Counter(host(claimants(trial)[0]) if claimants(trial) else "" for trial in running)
    unknown = hosts.pop("", 0)
    parts = [f"on {name} ({count})" for name, count in sorted(hosts.items())]
    return ", ".join([*parts, *([f"of another program ({unknown})"] if unknown else [])])
