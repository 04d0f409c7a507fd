"""A worker: claims trials from the queue, has them trained, and stores their outcomes in the study."""

import logging
import math
import os
import platform
import signal
import threading
from collections.abc import Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from typing import Any

import optuna
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from optuna.exceptions import UpdateFinishedTrialError

from lrlab.errors import InputError
from lrlab.runtime.signals import FORWARDED, TimeLimitError, handle_signals
from lrlab.sweeper.runners.job_return import sendable
from lrlab.sweeper.runners.protocols import Application, IntermediateValue, Runner, Sweep, TrialEnd, WorkerContext
from lrlab.sweeper.search.strategy import SearchStrategy
from lrlab.sweeper.study.lease import LeaseKeeper
from lrlab.sweeper.study.objective import objective
from lrlab.sweeper.study.queue import DIVERGED, NO_OBJECTIVE, Queue
from lrlab.sweeper.study.state import SweepState
from lrlab.sweeper.study.storage import Storage
from lrlab.sweeper.study.study import has_pruner

log = logging.getLogger(__name__)

JobResults = list[tuple[int, Any]]  # what each trial returns to Hydra, by trial number


@dataclass(frozen=True)
class Worker:
    """The job that Hydra's launcher runs `n_jobs` times; picklable.

    Attributes:
        sweep: the same for all workers.
        application: makes the runner of this worker.
        state: what the application prepared.
        storage: holds the study; opened by every worker for itself.
        search: chooses the values of the trials.
        past: trials of the study that were done or running before this sweep.
        sweep_pid, sweep_host: the process of the sweep; a worker that is its child does not outlive it.
    """

    sweep: Sweep
    application: Application
    state: SweepState
    storage: Storage
    search: SearchStrategy
    past: int
    sweep_pid: int = field(default_factory=os.getpid)
    sweep_host: str = field(default_factory=platform.node)

    def __call__(self, config: DictConfig) -> JobResults:
        """Work until no trial waits or the time is over; return what each trial returns to Hydra.

        A launcher may use a process that was started elsewhere: relative paths are relative to the sweep's directory.
        """
        with chdir(self.folder()):
            return self._work(HydraConfig.get().job.num)

    def folder(self) -> str:
        """Return the folder of the sweep, as it is on this host.

        Raises:
            InputError: there is none.
        """
        directory = str(self.sweep.config.hydra.runtime.cwd)
        if not os.path.isdir(directory):
            raise InputError(f"there is no {directory}, the folder of the sweep: share it with this host")
        return directory

    def _work(self, number: int) -> JobResults:
        concurrent = self.state.width * self.sweep.workers
        sampler = self.search.sampler(self.sweep.study, number, self.past, concurrent)
        queue = Queue(self.storage, self.sweep.study, sampler, self.search.pruner(), self.sweep.lease)
        if os.getpid() != self.sweep_pid and threading.current_thread() is threading.main_thread():
            signal.signal(FORWARDED, signal.SIG_IGN)  # one on its way must not kill a worker that has just ended
        with handle_signals() as signals, signals.until(self.sweep.deadline):
            elsewhere = platform.node() != self.sweep_host
            running: dict[int, optuna.Trial] = {}
            keeper = LeaseKeeper(self.sweep.lease, lambda: queue.renew(list(running.values())), queue.repair)
            context = WorkerContext(self.sweep, self.state, signals, elsewhere, keeper.lost, self.past)
            runner = self.application.runner(context)
            loop = WorkerLoop(queue, runner, self.search, self.sweep, self.sweep_pid, running)
            try:
                with keeper:
                    loop.run()
            except TimeLimitError:
                log.info("the time of the sweep is over")
            except KeyboardInterrupt:
                if signals.received is None:  # raised by the task
                    raise
            except SystemExit as error:
                if signals.received is None:  # raised by a callback, say: the sweep is not done, whatever the code
                    raise RuntimeError(f"the sweep was left by {error!r}") from error
            finally:
                runner.close()
                loop.requeue_unfinished()
        if os.getpid() == self.sweep_pid:
            return loop.results
        return [(trial, sendable(result)) for trial, result in loop.results]


@dataclass
class WorkerLoop:
    """Claims trials, has them trained and stores their outcomes until none waits.

    Attributes:
        queue: with the sampler and the pruner of this worker.
        runner: trains the trials; closed by the caller.
        search, sweep, sweep_pid: as of `Worker`.
        running: the trials that the runner trains, by number.
        results: what the trials so far return to Hydra.
    """

    queue: Queue
    runner: Runner
    search: SearchStrategy
    sweep: Sweep
    sweep_pid: int = 0
    running: dict[int, optuna.Trial] = field(default_factory=dict)
    results: JobResults = field(default_factory=list)

    def run(self) -> None:
        is_child = os.getppid() == self.sweep_pid
        while self.claim_trials() and self.running:
            self.handle_events(self.runner.advance())
            if is_child and os.getppid() != self.sweep_pid:  # the sweep was killed
                return

    def claim_trials(self) -> bool:
        """Claim trials while slots are free, but leave the other workers their share; return whether to go on."""
        counts = self.queue.counts()
        while not (self.sweep.too_many_failed(counts) or self.sweep.is_overdue()):
            share = math.ceil((counts.waiting + counts.running) / self.sweep.workers)
            if self.runner.free_slots <= 0 or len(self.running) >= share:
                return True
            trial = self.queue.claim()
            if trial is None:
                return True
            self.running[trial.number] = trial
            try:
                with self.queue.choosing(trial):
                    overrides = self.search.overrides(trial, self.sweep.config)
                if self.sweep.reuse and self.reuse(trial):
                    counts = self.queue.counts()
                else:
                    self.runner.start(trial, overrides)
            except UpdateFinishedTrialError:  # taken over at once
                del self.running[trial.number]
            except InputError as error:
                self.queue.fail(self.running.pop(trial.number), str(error))
                counts = self.queue.counts()
        return False

    def reuse(self, trial: optuna.Trial) -> bool:
        """Tell a trial whose values are chosen what a complete one with the same came to, if there is one."""
        same = self.queue.same(trial)
        if same is None:
            return False
        self.queue.reuse(self.running.pop(trial.number), same)
        log.warning("trial %d reuses trial %d", trial.number, same.number)
        return True

    def handle_events(self, events: Sequence[IntermediateValue | TrialEnd]) -> None:
        """Store what happened in the study; a trial that has just ended is not pruned any more."""
        ended = {event.trial for event in events if isinstance(event, TrialEnd)}
        for event in events:
            if isinstance(event, TrialEnd):
                self.finish(event)
            elif event.trial in self.running and self.report_and_should_prune(event) and event.trial not in ended:
                self.prune(event.trial)

    def report_and_should_prune(self, event: IntermediateValue) -> bool:
        """Report a value to the pruner, if there is one; return whether the trial should stop here."""
        trial = self.running[event.trial]
        if not has_pruner(trial.study):
            return False
        try:
            trial.report(event.value, event.step)
        except UpdateFinishedTrialError:  # taken over: the runner will notice
            return False
        return trial.should_prune()

    def prune(self, number: int) -> None:
        self.runner.prune(number)
        self.queue.prune(self.running.pop(number))

    def finish(self, end: TrialEnd) -> None:
        trial = self.running.pop(end.trial)
        if end.state == "lost":
            log.warning("trial %d was taken over by another worker, which got no sign of life", end.trial)
        elif end.state == "pruned":
            self.queue.prune(trial)
        elif end.state in ("failed", "diverged"):
            self.queue.fail(trial, end.reason, end.state)
        else:
            self.complete(trial, end.value)
        if end.result is not None:
            self.results.append((end.trial, end.result))

    def complete(self, trial: optuna.Trial, value: Any) -> None:
        """Store the objective that a job returned."""
        try:
            numbers = objective(value, len(trial.study.directions))
        except ValueError as error:
            self.queue.fail(trial, str(error), DIVERGED)
        except TypeError as error:
            self.fail_without_objective(trial, value, str(error))
        else:
            self.queue.complete(trial, numbers)

    def fail_without_objective(self, trial: optuna.Trial, value: Any, reason: str) -> None:
        """Fail a trial, unless nobody needs its objective: in an enumeration of jobs that return nothing, or of one."""
        if self.search.is_exhaustive and (value is None or not self.search.space.dimensions):
            self.queue.fail(trial, reason, NO_OBJECTIVE)
        else:
            log.error("Trial %d failed: %s", trial.number, reason)
            self.queue.fail(trial, reason)

    def requeue_unfinished(self) -> None:
        """Requeue the trials that this process still runs."""
        self.queue.requeue([trial for trial in self.queue.running() if self.queue.is_claimed_here(trial)])
