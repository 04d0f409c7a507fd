"""`hydra.sweeper.timeout`: how a sweep ends whose time was over before all of its trials were done."""

import logging
import shlex

from lrlab.config.override import text_override
from lrlab.sweeper.plan import SweepPlan
from lrlab.sweeper.study.queue import Queue

log = logging.getLogger(__name__)


class TimeLimitReached(SystemExit):
    """A sweep left, in order, trials that wait; a line said so. The exit code is 1.

    Attributes:
        study: its name.
    """

    def __init__(self, study: str) -> None:
        super().__init__(1)
        self.study = study


def check(plan: SweepPlan, queue: Queue) -> None:
    """Leave, in order, if the time was over while trials still waited; say how many are done, and how to go on.

    Raises:
        TimeLimitReached: they wait.
    """
    counts = queue.counts()
    if not (counts.waiting and plan.sweep.is_overdue()):
        return
    told = f"the time limit, hydra.sweeper.timeout, was reached with {counts.done} of {counts.total} trials done"
    again = shlex.quote(text_override("hydra.sweeper.study_name", plan.sweep.study))
    log.warning("%s", told if plan.storage.is_memory else f"{told}; the same command with {again} goes on")
    raise TimeLimitReached(plan.sweep.study)
