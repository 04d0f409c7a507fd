"""The workers of a sweep: launched, launched again when some of them died, and stopped."""

import copy
import logging
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext
from omegaconf import read_write

from lrlab.config.hydra_compat import BASIC_LAUNCHER, exception_of, worker_context
from lrlab.runtime.process_id import ProcessId, is_gone, parent
from lrlab.runtime.signals import FORWARDED, SignalHandler
from lrlab.sweeper.launching.node_worker import NodeWorker
from lrlab.sweeper.launching.supervise import Supervisor, WorkersLostError
from lrlab.sweeper.launching.systems import jobs_of
from lrlab.sweeper.search import bracket
from lrlab.sweeper.study.lease import PARTS
from lrlab.sweeper.study.objective import short
from lrlab.sweeper.study.queue import Queue, claimants
from lrlab.sweeper.worker import JobResults, Worker

LOOK = 1.0  # seconds between looks for what others have done

log = logging.getLogger(__name__)


class LaunchError(Exception):
    """A launcher could not run its workers, or not to their end."""


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
            WorkersLostError: they die again and again, and no trial is done.
        """
        results: JobResults = []
        launches_without_progress = 0
        while not self.worker.sweep.is_overdue():
            before, broken = self.queue.progress(), None
            try:
                results += self._launch(signals)
            except LaunchError as error:
                broken = error
            signals.check()
            self.queue.repair()
            self._wait_for_others(signals)
            counts = self.queue.counts()
            if not counts.waiting or self.worker.sweep.too_many_failed(counts):
                return results
            launches_without_progress = 0 if self.queue.progress() > before else launches_without_progress + 1
            relaunches = self.worker.sweep.relaunches
            if launches_without_progress > relaunches:
                reason = str(broken) if broken else "they ended while trials wait"
                raise WorkersLostError.of(self.queue, relaunches, reason) from broken
            if broken:
                log.warning("A worker died (%s); %d trials go on without it", broken, counts.waiting)
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

    def _launch(self, signals: SignalHandler) -> JobResults:
        """Run the workers as jobs of Hydra's launcher that leave no folder, no log file and call no callbacks.

        A launcher may end all workers when one dies. So trials that were running then are run one at a time in the end:
        which of them it was that the worker died of is known before it counts as failed.

        Raises:
            LaunchError: the launcher failed; not a worker, which says so itself.
        """
        sweep = self.worker.sweep
        config = copy.deepcopy(sweep.config)
        if config.hydra.job.env_set:  # may name a choice that has no default: as of some trial
            config = sweep.composer.job(sweep.boundary_overrides[0], 0)
        with read_write(config.hydra):
            config.hydra.sweep.dir = str(sweep.directory)
        context, workers = worker_context(self.hydra_context), 1 if self.queue.only_deadly_wait() else sweep.workers
        target, plugins = str(config.hydra.launcher["_target_"]), Plugins.instance()
        if jobs := jobs_of(target):
            launcher = plugins.instantiate_launcher(context, NodeWorker(self.worker), config)
            supervisor = Supervisor(jobs(launcher), self.queue, sweep.relaunches)
            return supervisor.run(workers, signals)
        launcher = plugins.instantiate_launcher(context, self.worker, config)
        try:
            with signals.forward_until(self._forward_signal):
                returned = launcher.launch([[]] * workers, initial_job_idx=0)
        except Exception as error:
            if target == BASIC_LAUNCHER:
                raise
            raise LaunchError(f"{type(error).__name__}: {short(error, str)}") from error
        return results_of(returned)

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
