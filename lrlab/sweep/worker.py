"""A worker: takes trials from the queue, has them trained, and tells the study what became of them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from optuna.trial import TrialState

from lrlab.errors import InputError
from lrlab.sweep.owner import this_process
from lrlab.sweep.queue import FAILED, NO_OBJECTIVE, OWNER, Queue, objective
from lrlab.sweep.runner import Application, Context, End, Progress, Runner, Sweep
from lrlab.sweep.search import Search
from lrlab.sweep.stopping import Stop, stoppable
from lrlab.sweep.storage import Storage


@dataclass(frozen=True)
class Worker:
    """The job that Hydra's launcher runs `n_jobs` times; picklable.

    Attributes:
        past: trials that the study had taken before this sweep.
        max_failure_rate: the part of all trials that may fail before the sweep stops.
    """

    sweep: Sweep
    application: Application
    extras: Mapping[str, Any]
    storage: Storage
    search: Search
    past: int
    max_failure_rate: float

    def __call__(self, config: DictConfig) -> list[tuple[int, Any]]:
        """Work until no trial waits; returns what each trial hands back to Hydra, by trial number."""
        number = HydraConfig.get().job.num
        sampler = self.search.sampler(self.sweep.study, number, self.past)
        queue = Queue(self.storage, self.sweep.study, sampler, self.search.pruner())
        with stoppable() as stop:
            runner = self.application.runner(Context(self.sweep, self.extras, number))
            shift = Shift(queue, runner, self.sweep, self.search, self.max_failure_rate)
            try:
                shift.work(stop)
            finally:
                runner.close()
                shift.give_back()
        return shift.results


@dataclass
class Shift:
    """The time between a worker's start and its end."""

    queue: Queue
    runner: Runner
    sweep: Sweep
    search: Search
    max_failure_rate: float
    running: dict[int, optuna.Trial] = field(default_factory=dict)
    results: list[tuple[int, Any]] = field(default_factory=list)

    def work(self, stop: Stop) -> None:
        while self.fill() and self.running:
            with stop.at_once():
                events = self.runner.advance()
            self.hear(events)

    def fill(self) -> bool:
        """Take trials as long as there is room, but leave the other workers their share; False to stop."""
        tally = self.queue.tally()
        if tally.failed > self.max_failure_rate * tally.total:
            return False
        share = math.ceil((tally.waiting + tally.running) / self.sweep.workers)
        while self.runner.room > 0 and len(self.running) < share:
            trial = self.queue.take()
            if trial is None:
                break
            self.running[trial.number] = trial
            try:
                self.runner.start(trial, self.search.overrides(trial, self.sweep.config))
            except InputError as error:
                self.queue.fail(self.running.pop(trial.number), str(error))
                return self.fill()  # unless too many have failed by now
        return True

    def hear(self, events: Sequence[Progress | End]) -> None:
        """Tell the study; a trial that has just ended is not pruned any more."""
        ended = {event.trial for event in events if isinstance(event, End)}
        for event in events:
            if isinstance(event, End):
                self.end(event)
            elif self.reported(event) and event.trial not in ended:
                self.prune(event.trial)

    def reported(self, progress: Progress) -> bool:
        """Whether the pruner, told of this, would rather stop the trial."""
        trial = self.running[progress.trial]
        if len(trial.study.directions) > 1:
            return False
        trial.report(progress.value, progress.step)
        return trial.should_prune()

    def prune(self, number: int) -> None:
        self.runner.prune(number)
        self.queue.prune(self.running.pop(number))

    def end(self, end: End) -> None:
        trial = self.running.pop(end.trial)
        if end.state == "pruned":
            self.queue.prune(trial)
        elif end.state == "failed":
            self.queue.fail(trial, end.reason)
        else:
            self.complete(trial, end.value)
        if end.result is not None:
            self.results.append((end.trial, end.result))

    def complete(self, trial: optuna.Trial, value: Any) -> None:
        """Tell the objective. A job that returns none has failed if a search needs it, else it is just done."""
        try:
            self.queue.complete(trial, objective(value, len(trial.study.directions)))
        except TypeError as error:
            self.queue.fail(trial, str(error), NO_OBJECTIVE if self.search.enumerates else FAILED)
        except ValueError as error:
            self.queue.fail(trial, str(error))

    def give_back(self) -> None:
        """Queue again what was cut off."""
        for trial in self.queue.trials(TrialState.RUNNING):
            if trial.user_attrs.get(OWNER) == this_process():
                self.queue.give_back(trial)
