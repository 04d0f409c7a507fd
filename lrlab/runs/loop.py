"""The training loop: members of populations are trained epoch by epoch, each with a run on record.

Every training that goes on record goes through here: `train`, `resume`, `reproduce`, `best --confirm`, the lecture and
the trials of a sweep. However the loop is left, no run stays open.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from lrlab.errors import InputError
from lrlab.runs import checkpoint, recorder
from lrlab.runs.checkpoint import Checkpoint
from lrlab.runs.history import CURVE, MetricHistory
from lrlab.runtime.signals import SignalHandler, handle_signals
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import TerminalStatus, Tracker
from lrlab.training.experiment import EpochResult, Experiment, Member, Population


@dataclass(eq=False)
class RecordedTraining:
    """A member of a population, and the run on which its training is recorded.

    Attributes:
        history: its metrics so far.
        recorded: what its run held before; what comes later is logged.
        earlier_runs: runs of the same training that were interrupted; their checkpoints are its own.
        diverged: whether its last epoch was not finite.
        diagnosis: what its curve tells of the learning rate, once it has ended.
    """

    population: Population
    member: Member
    run_id: str
    history: MetricHistory = field(default_factory=MetricHistory)
    recorded: MetricHistory = field(default_factory=MetricHistory)
    earlier_runs: Sequence[str] = ()
    diverged: bool = False
    diagnosis: str = ""

    @property
    def experiment(self) -> Experiment:
        return self.member.experiment


def do_nothing(training: RecordedTraining) -> None:
    """Add nothing to what every training records."""


class TrainingLoop:
    """Train all members that were started, until each has reached its end.

    Args:
        tracker: takes the runs.
        signals: lets signals in only while an epoch is trained, never while it is recorded.
        checkpoints: folder in which every training is saved about once a minute; None for no checkpoints.
        on_end: called with a training that has finished or diverged, before its run is ended.
        lost: returns trainings that are others' now: they are left without a word on what their last epoch came to.
    """

    def __init__(
        self,
        tracker: Tracker,
        signals: SignalHandler,
        *,
        checkpoints: Path | None = None,
        on_end: Callable[[RecordedTraining], None] = do_nothing,
        lost: Callable[[], Iterable[RecordedTraining]] = tuple,
    ) -> None:
        self._tracker, self._signals, self._on_end, self._lost = tracker, signals, on_end, lost
        self._checkpoints, self._saved_at = checkpoints, time.monotonic()
        self._open: dict[Member, RecordedTraining] = {}

    @property
    def open(self) -> list[RecordedTraining]:
        """Return the trainings that have not ended."""
        return list(self._open.values())

    def start(
        self,
        experiment: Experiment,
        population: Population,
        *,
        name: str,
        parent: str | None = None,
        tags: Mapping[str, str] | None = None,
        slot: int | None = None,
        interrupted: Checkpoint | None = None,
        earlier_runs: Sequence[str] = (),
    ) -> RecordedTraining:
        """Admit an experiment to a population and create its run.

        Args:
            slot: of the population; None for the first that is free.
            interrupted: where another run of this training stopped; its epochs are logged to the new run.
            earlier_runs: the runs that stopped there.
        """
        member = population.admit(experiment, slot)
        if interrupted:
            interrupted.restore(member)
        run_id = recorder.create_run(self._tracker, population, member, name=name, parent=parent, tags=tags)
        training = RecordedTraining(population, member, run_id, earlier_runs=earlier_runs)
        self._open[member] = training
        if interrupted:
            for metric, points in interrupted.history.points.items():
                for step, value in points:
                    self._log(training, step, {metric: value})
        return training

    def resume(
        self,
        run_id: str,
        experiment: Experiment,
        population: Population,
        *,
        slot: int,
        interrupted: Checkpoint | None,
        recorded: MetricHistory,
    ) -> RecordedTraining:
        """Admit the experiment of a run that stopped, to go on with that run from a checkpoint, if there is one."""
        member = population.admit(experiment, slot)
        training = RecordedTraining(population, member, run_id, recorded=recorded)
        if interrupted:
            interrupted.restore(member)
            training.history.points.update(interrupted.history.points)
        self._open[member] = training
        return training

    def train_epoch(self) -> list[tuple[RecordedTraining, EpochResult]]:
        """Train one epoch of every population with an open training, and record it; end what has reached its end."""
        populations = list(dict.fromkeys(training.population for training in self._open.values()))
        for population in populations:
            for member in population.members:
                if member not in self._open:
                    population.release(member)
        with self._signals.interruptible():
            results = [result for population in populations for result in population.train_epoch()]
        for training in self._lost():
            self._tracker.set_tags(training.run_id, {Tag.ABANDONED: "true"})
            self._tracker.end_run(training.run_id, "KILLED")
            del self._open[training.member]
        trained = [(self._open[result.member], result) for result in results if result.member in self._open]
        for training, result in trained:
            self._record(training, result)
        self._save_checkpoints()
        return trained

    def end(self, training: RecordedTraining, status: TerminalStatus = "FINISHED") -> None:
        """End the run of a training that does not go on. Its member keeps its slot until its population goes on."""
        dataset, history = training.population.dataset, training.history
        training.diagnosis = recorder.log_diagnosis(
            self._tracker, training.run_id, training.experiment, dataset, history
        )
        self._tracker.end_run(training.run_id, status)
        del self._open[training.member]
        if self._checkpoints:
            for run_id in (training.run_id, *training.earlier_runs):
                checkpoint.discard(self._checkpoints, run_id)

    def interrupt(self, status: TerminalStatus) -> None:
        """End the runs of all open trainings; their checkpoints are kept."""
        for member, training in list(self._open.items()):
            self._tracker.end_run(training.run_id, status)
            del self._open[member]

    def _record(self, training: RecordedTraining, result: EpochResult) -> None:
        for updates, loss in result.curve:
            self._log(training, updates, {CURVE: loss})
        self._log(training, result.epoch, result.metrics)
        training.diverged = result.diverged
        if result.diverged:
            self._tracker.set_tags(training.run_id, {Tag.DIVERGED: "true"})
        if result.diverged or training.member.finished:
            self._on_end(training)
            self.end(training, "FAILED" if result.diverged else "FINISHED")

    def _log(self, training: RecordedTraining, step: int, metrics: Mapping[str, float]) -> None:
        """Add metrics to a training's history, and to its run those that it does not hold yet."""
        training.history.append(step, metrics)
        new = {name: value for name, value in metrics.items() if step > training.recorded.last_step(name)}
        if new:
            self._tracker.log_metrics(training.run_id, step, new)

    def _save_checkpoints(self) -> None:
        if self._checkpoints and time.monotonic() - self._saved_at >= checkpoint.INTERVAL:
            for training in self._open.values():
                checkpoint.save(
                    self._checkpoints, training.run_id, training.population, training.member, training.history
                )
            self._saved_at = time.monotonic()


@contextmanager
def training_loop(
    tracker: Tracker, *, checkpoints: Path | None = None, on_end: Callable[[RecordedTraining], None] = do_nothing
) -> Iterator[TrainingLoop]:
    """Yield a loop that handles the signals itself. What it is left by ends the runs that are open."""
    with handle_signals() as signals:
        loop = TrainingLoop(tracker, signals, checkpoints=checkpoints, on_end=on_end)
        try:
            yield loop
        except BaseException as error:
            with suppress(InputError):  # the first error is the one to report
                loop.interrupt(recorder.status_of(error))
            raise
