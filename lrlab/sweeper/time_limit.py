"""`hydra.sweeper.timeout`: how a sweep ends whose time was over before all of its trials were done."""

import logging
import shlex

from lrlab.config.override import text_override
from lrlab.sweeper.plan import SweepPlan
from lrlab.sweeper.study.queue import Queue

EXIT_CODE = 1

log = logging.getLogger(__name__)


def check(plan: SweepPlan, queue: Queue) -> None:
    """Leave, in order, if the time was over while trials still waited; say how many are done, and how to go on.

    Raises:
        SystemExit: they wait; the exit code is `EXIT_CODE`.
    """
    counts = queue.counts()
    if not (counts.waiting and plan.sweep.is_overdue()):
        return
    told = f"the time limit, hydra.sweeper.timeout, was reached with {counts.done} of {counts.total} trials done"
    again = shlex.quote(text_override("hydra.sweeper.study_name", plan.sweep.study))
    log.warning("%s", told if plan.storage.is_memory else f"{told}; the same command with {again} goes on")
    raise SystemExit(EXIT_CODE)
