"""The population runner: the trials of one worker, trained side by side on the same microbatches.

Trials whose experiments have one compatibility key (for gradient descent: data, model, loss, dtype and seed) and one
microbatch share a population. A trial takes a free slot of such a population at the next epoch boundary; those that
find none share a new population. A population without members is dropped.

Every member is checkpointed about once a minute. A trial that was interrupted is resumed in the same slot.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from optuna.exceptions import UpdateFinishedTrialError

from lrlab.data.dataset import Dataset
from lrlab.runs import checkpoint, recorder
from lrlab.runs.checkpoint import Checkpoint
from lrlab.runs.loop import RecordedTraining, TrainingLoop
from lrlab.sweeper.runners.protocols import IntermediateValue, Sweep, TrialEnd, WorkerContext
from lrlab.sweeper.study.queue import RETRY_OF, RUN_ID
from lrlab.sweeper.trial_name import trial_name
from lrlab.tracking.tags import Tag
from lrlab.training.configuration import check_shared, from_config
from lrlab.training.experiment import DataSource, EpochResult, Experiment, Population
from lrlab.training.population import microbatch_for

if TYPE_CHECKING:
    import optuna

    from lrlab.tracking.tracker import Tracker

FIRST_WIDTH = 8  # trials that a worker of a search trains at once before any has ended; a power of two


@dataclass(frozen=True)
class WaitingTrial:
    """A trial that has no slot yet.

    Attributes:
        earlier_runs: the runs of the trials of which this one is a repetition, the latest first.
        interrupted: where the latest of them stopped, as far as a checkpoint tells.
    """

    trial: "optuna.Trial"
    overrides: Sequence[str]
    experiment: Experiment
    earlier_runs: tuple[str, ...]
    interrupted: Checkpoint | None


@dataclass(frozen=True)
class BestTraining:
    """The best of this worker so far, to be plotted when the worker ends: plotting costs more than training."""

    training: RecordedTraining
    weights: dict[str, np.ndarray]


def width(sweep: Sweep) -> int:
    """Return how many trials each worker trains at once; a search does so in two rounds at least, so that it learns."""
    experiment = from_config(sweep.composer.compose(sweep.boundary_overrides[0]))
    dataset = experiment.data.load()
    if sweep.learns:
        return min(experiment.search_width(dataset), -(-sweep.trials // (2 * sweep.workers)))
    return min(experiment.max_width(dataset), -(-sweep.trials // sweep.workers))


def width_after(ended: int, widest: int) -> int:
    """Return how many trials a worker of a search trains at once when so many have ended: few at first.

    So the first results come soon and the later trials learn from them. The number doubles, up to the widest: one trial
    more at a time would be a population by itself, and a narrow one is slow.
    """
    return min(1 << max(ended, FIRST_WIDTH).bit_length() - 1, widest)


class PopulationRunner:
    """Trains up to ``width`` trials at once, in a search fewer at first.

    Implements ``lrlab.sweeper.runners.protocols.Runner``.

    Args:
        context: of the worker; its state names the parent run, the width and the microbatches.
        tracker: stores the trials' runs; closed with the runner.
    """

    def __init__(self, context: WorkerContext, tracker: "Tracker") -> None:
        config = context.sweep.config
        self._compose = context.sweep.composer.compose
        self._sweep = self._compose(context.sweep.boundary_overrides[0])
        self._tracker = tracker
        self._parent = context.state.run_id
        self._width = context.state.width
        self._learns = context.sweep.learns
        self._started = context.past // context.sweep.workers  # of all workers' trials, this one's share
        self._microbatches = context.state.microbatches
        self._objective: str = config.objective
        self._sign = -1 if context.sweep.directions == ("maximize",) else 1
        self._checkpoints = checkpoint.folder(config.outputs)
        self._loop = TrainingLoop(
            tracker,
            context.signals,
            checkpoints=self._checkpoints,
            on_end=self._keep_if_best,
            lost=self._leave_lost,
        )
        self._elsewhere = context.elsewhere
        self._lost = context.lost
        self._left: list[int] = []  # trials that others have taken over since the last epoch
        self._best: BestTraining | None = None
        self._waiting: dict[int, WaitingTrial] = {}
        self._running: dict[int, RecordedTraining] = {}
        self._populations: dict[Hashable, list[Population]] = defaultdict(list)
        self._datasets: dict[DataSource, Dataset] = {}

    @property
    def free_slots(self) -> int:
        under_way = len(self._waiting) + len(self._running)
        allowed = width_after(self._started - under_way, self._width) if self._learns else self._width
        return allowed - under_way

    def start(self, trial: "optuna.Trial", overrides: Sequence[str]) -> None:
        config = self._compose(overrides)
        check_shared(self._sweep, [config])  # the values of a custom search space are known only now
        experiment = from_config(config)
        experiment.check_fits(self._dataset(experiment.data))
        earlier_runs = tuple(_earlier_runs(trial))
        candidates = (checkpoint.load(self._checkpoints, run_id) for run_id in earlier_runs)
        interrupted = next(filter(None, candidates), None)
        self._waiting[trial.number] = WaitingTrial(trial, overrides, experiment, earlier_runs, interrupted)
        self._started += 1

    def advance(self) -> Sequence[IntermediateValue | TrialEnd]:
        reports: list[IntermediateValue | TrialEnd] = list(self._assign_slots())
        numbers = {training: number for number, training in self._running.items()}
        for training, result in self._loop.train_epoch():
            reports.append(self._report(numbers[training], training, result))
        left, self._left = self._left, []
        return [*reports, *(TrialEnd(number, "lost") for number in left)]

    def prune(self, trial: int) -> None:
        if trial in self._running:
            training = self._running.pop(trial)
            self._tracker.set_tags(training.run_id, {Tag.PRUNED: "true"})
            self._loop.end(training, "KILLED")
            training.population.release(training.member)

    def close(self) -> None:
        self._loop.interrupt("KILLED")
        if self._best:
            training, data = self._best.training, self._best.training.population.dataset
            recorder.log_plots(
                self._tracker, training.run_id, training.experiment, data, self._best.weights, training.history
            )
        recorder.close(self._tracker, deliver=self._elsewhere)

    def _leave_lost(self) -> list[RecordedTraining]:
        """Let go of the trials that others have taken over; return their trainings."""
        self._left = [number for number in self._lost() if number in self._running]
        return [self._running.pop(number) for number in self._left]

    def _assign_slots(self) -> Iterator[IntermediateValue]:
        """Give every waiting trial a slot; yield what those that were interrupted had reported before."""
        for key, populations in list(self._populations.items()):
            self._populations[key] = [population for population in populations if population.members]
        for waiting in list(self._waiting.values()):
            if waiting.interrupted:
                training = self._admit(waiting, self._population_like(waiting.interrupted, waiting.experiment))
                for epoch, value in training.history.points[self._objective]:
                    yield IntermediateValue(waiting.trial.number, epoch, value)
        unassigned: dict[Hashable, list[WaitingTrial]] = defaultdict(list)
        for waiting in list(self._waiting.values()):
            key = self._key(waiting.experiment)
            free = next((population for population in self._populations[key] if population.free_slots), None)
            if free:
                self._admit(waiting, free)
            else:
                unassigned[key].append(waiting)
        for key, trials in unassigned.items():
            experiment = trials[0].experiment
            population = experiment.new_population(
                self._dataset(experiment.data), width=len(trials), microbatch=self._microbatch_of(experiment)
            )
            self._populations[key].append(population)
            for waiting in trials:
                self._admit(waiting, population)

    def _population_like(self, interrupted: Checkpoint, experiment: Experiment) -> Population:
        """Return a population of the width, microbatch and epoch of an interrupted one, with its slot free."""
        populations = self._populations[self._key(experiment)]
        shape = interrupted.width, interrupted.microbatch, interrupted.shuffles
        for population in populations:
            same = (population.width, population.microbatch, population.epochs_done) == shape
            if same and interrupted.slot not in [member.slot for member in population.members]:
                return population
        population = experiment.new_population(
            self._dataset(experiment.data),
            width=interrupted.width,
            microbatch=interrupted.microbatch,
            first_epoch=interrupted.shuffles,
        )
        populations.append(population)
        return population

    def _key(self, experiment: Experiment) -> Hashable:
        """Return what the members of one population have in common."""
        return experiment.compatibility_key(), self._microbatch_of(experiment)

    def _microbatch_of(self, experiment: Experiment) -> int:
        size = experiment.batch_size
        shared = (m for smallest, m in reversed(self._microbatches) if smallest <= size and size % m == 0)
        return next(shared, None) or microbatch_for([size])

    def _admit(self, waiting: WaitingTrial, population: Population) -> RecordedTraining:
        trial, interrupted = waiting.trial, waiting.interrupted
        training = self._loop.start(
            waiting.experiment,
            population,
            name=trial_name(trial.number, trial.params),
            parent=self._parent,
            tags={Tag.TRIAL: str(trial.number), Tag.OVERRIDES: " ".join(waiting.overrides)},
            slot=interrupted.slot if interrupted else None,
            interrupted=interrupted,
            earlier_runs=waiting.earlier_runs,
        )
        self._running[trial.number] = training
        del self._waiting[trial.number]
        if self._parent:  # runs are kept
            with suppress(UpdateFinishedTrialError):  # taken over: the next epoch tells
                trial.set_user_attr(RUN_ID, training.run_id)
        return training

    def _report(self, number: int, training: RecordedTraining, result: EpochResult) -> IntermediateValue | TrialEnd:
        value = result.metrics[self._objective]
        if not (result.diverged or training.member.finished):
            return IntermediateValue(number, result.epoch, value)
        del self._running[number]
        training.population.release(training.member)
        if result.diverged:
            return TrialEnd(number, "diverged", reason=f"diverged in epoch {result.epoch}")
        return TrialEnd(number, "complete", value)

    def _keep_if_best(self, training: RecordedTraining) -> None:
        """Log the weights of a training better than all before: the best single one of the sweep has its weights."""
        if training.diverged or (self._best and self._loss(training) >= self._loss(self._best.training)):
            return
        weights = training.member.weights()
        recorder.log_weights(self._tracker, training.run_id, weights)
        self._best = BestTraining(training, weights)

    def _loss(self, training: RecordedTraining) -> float:
        """Return the objective, with the sign with which less is better."""
        return self._sign * training.history.last(self._objective)

    def _dataset(self, source: DataSource) -> Dataset:
        if source not in self._datasets:
            self._datasets[source] = source.load()
        return self._datasets[source]


def _earlier_runs(trial: "optuna.Trial") -> Iterator[str]:
    """Yield the runs of the trials of which this one is a repetition, the latest first."""
    number = trial.user_attrs.get(RETRY_OF)
    while number is not None:
        attributes = trial.study.get_trials(deepcopy=False)[number].user_attrs
        if RUN_ID in attributes:
            yield attributes[RUN_ID]
        number = attributes.get(RETRY_OF)
