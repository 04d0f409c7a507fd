"""A worker: takes trials from the queue, has them trained, and tells the study what became of them."""

import math
import os
from collections.abc import Sequence
from contextlib import chdir, nullcontext
from dataclasses import dataclass, field
from typing import Any

import optuna
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from lrlab.errors import InputError
from lrlab.runtime.signals import handle_signals
from lrlab.sweep.runners.protocols import Application, IntermediateValue, Runner, Sweep, TrialEnd, WorkerContext
from lrlab.sweep.search.strategy import SearchStrategy
from lrlab.sweep.study.queue import DIVERGED, FAILED, NO_OBJECTIVE, Queue, TrialCounts, objective
from lrlab.sweep.study.state import SweepState
from lrlab.sweep.study.storage import Storage


@dataclass(frozen=True)
class Worker:
    """The job that Hydra's launcher runs `n_jobs` times; picklable.

    Attributes:
        sweeper: process number of the sweep; a worker that is its child does not outlive it.
        directions: minimize or maximize, one per objective.
        past: trials that the study had taken before this sweep.
        max_failure_rate: the part of all trials that may fail before the sweep stops.
    """

    sweeper: int
    directions: tuple[str, ...]

    sweep: Sweep
    application: Application
    state: SweepState
    storage: Storage
    search: SearchStrategy
    past: int
    max_failure_rate: float

    def too_many_failed(self, tally: TrialCounts) -> bool:
        """Whether the sweep has to stop."""
        return tally.failed > self.max_failure_rate * tally.total

    def __call__(self, config: DictConfig) -> list[tuple[int, Any]]:
        """Work until no trial waits; returns what each trial hands back to Hydra, by trial number.

        A launcher may use a process that was started elsewhere: relative paths mean what they mean to the sweep.
        """
        home = self.sweep.config.hydra.runtime.cwd
        with chdir(home) if os.path.isdir(home) else nullcontext():
            return self._work(HydraConfig.get().job.num)

    def _work(self, number: int) -> list[tuple[int, Any]]:
        sampler = self.search.sampler(self.sweep.study, number, self.past)
        queue = Queue(self.storage, self.sweep.study, sampler, self.search.pruner())
        with handle_signals() as stop:
            runner = self.application.runner(WorkerContext(self.sweep, self.state, stop))
            shift = WorkerLoop(queue, runner, self)
            try:
                shift.run()
            except (KeyboardInterrupt, SystemExit):
                if stop.received is None:  # not by us
                    raise
            finally:
                runner.close()
                shift.requeue_unfinished()
        return shift.results


@dataclass
class WorkerLoop:
    """The time between a worker's start and its end."""

    queue: Queue
    runner: Runner
    worker: Worker
    running: dict[int, optuna.Trial] = field(default_factory=dict)
    results: list[tuple[int, Any]] = field(default_factory=list)

    def run(self) -> None:
        is_child = os.getppid() == self.worker.sweeper
        while self.claim_trials() and self.running:
            self.handle_events(self.runner.advance())
            if is_child and os.getppid() != self.worker.sweeper:  # which was killed
                return

    def claim_trials(self) -> bool:
        """Take trials as long as there is room, but leave the other workers their share; False to stop."""
        tally = self.queue.counts()
        if self.worker.too_many_failed(tally):
            return False
        sweep, search = self.worker.sweep, self.worker.search
        share = math.ceil((tally.waiting + tally.running) / sweep.workers)
        while self.runner.free_slots > 0 and len(self.running) < share:
            trial = self.queue.claim()
            if trial is None:
                break
            self.running[trial.number] = trial
            try:
                self.runner.start(trial, search.overrides(trial, sweep.config))
            except InputError as error:
                self.queue.fail(self.running.pop(trial.number), str(error))
                return self.claim_trials()  # unless too many have failed by now
        return True

    def handle_events(self, events: Sequence[IntermediateValue | TrialEnd]) -> None:
        """Tell the study; a trial that has just ended is not pruned any more."""
        ended = {event.trial for event in events if isinstance(event, TrialEnd)}
        for event in events:
            if isinstance(event, TrialEnd):
                self.finish(event)
            elif event.trial in self.running and self.report_and_should_prune(event) and event.trial not in ended:
                self.prune(event.trial)

    def report_and_should_prune(self, progress: IntermediateValue) -> bool:
        """Whether the pruner, told of this, would rather stop the trial."""
        trial = self.running[progress.trial]
        if len(trial.study.directions) > 1:
            return False
        try:
            trial.report(progress.value, progress.step)
        except UpdateFinishedTrialError:  # somebody declared this machine gone
            return True
        return trial.should_prune()

    def prune(self, number: int) -> None:
        self.runner.prune(number)
        self.queue.prune(self.running.pop(number))

    def finish(self, end: TrialEnd) -> None:
        trial = self.running.pop(end.trial)
        if end.state == "pruned":
            self.queue.prune(trial)
        elif end.state in ("failed", "diverged"):
            self.queue.fail(trial, end.reason, end.state)
        else:
            self.complete(trial, end.value)
        if end.result is not None:
            self.results.append((end.trial, end.result))

    def complete(self, trial: optuna.Trial, value: Any) -> None:
        """Tell the objective. A job that returns none has failed if a search needs it, else it is just done."""
        try:
            self.queue.complete(trial, objective(value, len(trial.study.directions)))
        except TypeError as error:
            self.queue.fail(trial, str(error), NO_OBJECTIVE if self.worker.search.is_exhaustive else FAILED)
        except ValueError as error:
            self.queue.fail(trial, str(error), DIVERGED)

    def requeue_unfinished(self) -> None:
        """Queue again what was cut off."""
        for trial in self.queue.trials(TrialState.RUNNING):
            if self.queue.is_mine(trial):
                self.queue.requeue(trial)
