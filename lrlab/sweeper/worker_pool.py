"""The workers of a sweep: launched, launched again when some of them died, and stopped."""

import copy
import logging
import os
import time
from collections.abc import Iterable
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import read_write

from lrlab.config.hydra_compat import exception_of, without_callbacks
from lrlab.runtime.process_id import ProcessId, is_gone, parent
from lrlab.runtime.signals import FORWARDED, SignalHandler
from lrlab.sweeper.search import bracket
from lrlab.sweeper.search.grammar import value_text
from lrlab.sweeper.study.lease import PARTS
from lrlab.sweeper.study.queue import Queue, claimants
from lrlab.sweeper.worker import JobResults, Worker

LOOK = 1.0  # seconds between looks for what others have done
MAX_LAUNCHES = 3  # launches in a row that may end without a trial done or one to blame

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkerPool:
    """The workers of one sweep.

    Attributes:
        worker: the job of each.
        hydra_context: of the sweep.
        queue: its trials.
    """

    worker: Worker
    hydra_context: HydraContext
    queue: Queue

    def run(self, signals: SignalHandler) -> JobResults:
        """Run until no trial waits and no bracket proposes more, too many trials have failed, or the time is over."""
        results = self._run(signals)
        for _ in range(bracket.MAX_ROUNDS):
            with self.worker.storage.exclusive():
                space, directions = self.worker.search.space, self.worker.sweep.directions
                proposed = bracket.propose(space, self.queue.trials(), directions, self.worker.sweep.precision)
                if not proposed or self.queue.counts().waiting:
                    break
                self.queue.enqueue(proposed)
            results += self._run(signals)
        return results

    def _run(self, signals: SignalHandler) -> JobResults:
        """Launch the workers, again if trials were left waiting because some of them died.

        Raises:
            BrokenProcessPool: they die again and again, and no trial is done.
        """
        results: JobResults = []
        launches_without_progress = 0
        while not self.worker.sweep.is_overdue():
            before, broken = self._progress(), None
            try:
                with signals.forward_until(self._forward_signal):
                    results += self._launch()
            except BrokenProcessPool as error:
                broken = error
            signals.check()
            self.queue.repair()
            self._wait_for_others(signals)
            counts = self.queue.counts()
            if not counts.waiting or self.worker.sweep.too_many_failed(counts):
                return results
            launches_without_progress = 0 if self._progress() > before else launches_without_progress + 1
            if broken and launches_without_progress == MAX_LAUNCHES:
                raise broken
            if broken:
                log.warning("A worker died; %d trials go on without it", counts.waiting)
        return results

    def _wait_for_others(self, signals: SignalHandler) -> None:
        """Wait while nothing is left but trials that run elsewhere, for one that nobody runs any more."""
        while any(map(claimants, self.queue.running())):  # others are another program's
            counts = self.queue.counts()
            if counts.waiting or self.worker.sweep.too_many_failed(counts) or self.worker.sweep.is_overdue():
                return
            with signals.interruptible():
                time.sleep(min(LOOK, self.worker.sweep.lease / PARTS))
            self.queue.repair()

    def _progress(self) -> int:
        return self.queue.counts().done + self.queue.deaths()

    def _launch(self) -> JobResults:
        """Run the workers as jobs of Hydra's launcher that leave no folder, no log file and call no callbacks.

        A launcher may end all workers when one dies. So trials that were running then are run one at a time in the end:
        which of them it was that the worker died of is known before it counts as failed.
        """
        sweep = self.worker.sweep
        config = copy.deepcopy(sweep.config)
        with read_write(config.hydra):
            config.hydra.overrides.hydra += [
                *sweep.boundary_overrides[0],  # some choice, for configs that cannot be composed without
                f"hydra.sweep.dir={value_text(str(sweep.directory))}",
                "hydra.sweep.subdir=.",
                "hydra.output_subdir=null",
                "hydra.job.chdir=false",
                "hydra/job_logging=none",
            ]
        context = without_callbacks(self.hydra_context)
        launcher = Plugins.instance().instantiate_launcher(context, self.worker, config)
        workers = 1 if self.queue.only_deadly_wait() else sweep.workers
        return results_of(launcher.launch([[]] * workers, initial_job_idx=0))

    def _forward_signal(self) -> None:
        """Send the workers that are child processes the signal that came."""
        for trial in self.queue.running():
            for claimant in claimants(trial):
                process = ProcessId.parse(claimant)
                if process and not is_gone(claimant) and parent(process.pid) == os.getpid():
                    with suppress(ProcessLookupError):
                        os.kill(process.pid, FORWARDED)


def results_of(workers: Iterable[JobReturn]) -> JobResults:
    """Return what the trials of all workers return to Hydra, or raise what a worker raised.

    Hydra would print a line with the overrides of the worker, which are those of no trial.
    """
    results: JobResults = []
    for worker in workers:
        if worker.status == JobStatus.FAILED:
            raise exception_of(worker)
        results += worker.return_value
    return results
