"""The population runner: the trials of one worker, trained side by side on the same microbatches.

Trials whose experiments agree on the method, and on what it lets members share (for gradient descent data, model,
loss, dtype and seed), share a population. A trial takes a free slot of
a fitting population at the next epoch boundary; those that find none found a new one together. A population that
has become empty is dropped.

Once a minute every member's checkpoint is written. A trial that was cut off sits down again in the same place.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.data.datasets import Dataset
from lrlab.runs import checkpoint, recorder
from lrlab.runs.checkpoint import Checkpoint
from lrlab.sweep.runners.protocols import IntermediateValue, TrialEnd, WorkerContext
from lrlab.sweep.study.queue import RETRY_OF
from lrlab.training.configuration import experiment
from lrlab.training.experiment import DataSource, EpochResult, Experiment, Member, Population
from lrlab.training.population import microbatch_for

if TYPE_CHECKING:
    import optuna

    from lrlab.tracking.tracker import Tracker


@dataclass
class Training:
    """A trial on its way: waiting at first, then a member of a population."""

    trial: "optuna.Trial"
    overrides: Sequence[str]
    config: dict[str, Any]
    experiment: Experiment
    stopped: Checkpoint | None  # where it was when it was cut off
    run_id: str = ""
    home: tuple[Population, Member] | None = None
    history: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))


class PopulationRunner:
    """Trains up to ``width`` trials at once; implements ``lrlab.sweep.runners.protocols.Runner``.

    Args:
        context: of the worker; its extras are those of ``lrlab.cli.app``: the parent run, the width, the microbatches.
        tracker: where the trials' runs go; closed with the runner.
    """

    def __init__(self, context: WorkerContext, tracker: "Tracker") -> None:
        self._compose, self._stop = context.sweep.composer.compose, context.signals
        self._tracker = tracker
        self._checkpoints = Path(context.sweep.config.outputs) / "checkpoints"
        self._saved = time.monotonic()
        self._parent: str = context.extras["run_id"]
        self._width: int = context.extras["width"]
        self._microbatches: list[tuple[int, int]] = context.extras["microbatches"]
        self._objective: str = context.sweep.config.objective
        self._sign = -1 if context.sweep.config.hydra.sweeper.direction == "maximize" else 1
        self._best = float("inf")
        self._picture: tuple[Any, ...] | None = None  # of the best; drawn once, for drawing costs more than training
        self._trainings: dict[int, Training] = {}
        self._populations: dict[Hashable, list[Population]] = defaultdict(list)
        self._datasets: dict[DataSource, Dataset] = {}

    @property
    def free_slots(self) -> int:
        return self._width - len(self._trainings)

    def start(self, trial: "optuna.Trial", overrides: Sequence[str]) -> None:
        config = self._compose(overrides)
        wanted = experiment(config)
        wanted.check_fits(self._dataset(wanted.data))
        self._trainings[trial.number] = Training(trial, overrides, config, wanted, self._stopped(trial))

    def advance(self) -> Sequence[IntermediateValue | TrialEnd]:
        reports: list[IntermediateValue | TrialEnd] = [*self._settle()]
        at = {training.home: training for training in self._trainings.values()}
        with self._stop.interruptible():
            passed = [(each, each.train_epoch()) for populations in self._populations.values() for each in populations]
        reports += [self._report(at[home, event.member], event) for home, events in passed for event in events]
        if time.monotonic() - self._saved >= checkpoint.INTERVAL:
            for training in self._trainings.values():
                if training.home:
                    checkpoint.save(self._checkpoints, training.run_id, *training.home, training.history)
            self._saved = time.monotonic()
        return reports

    def prune(self, trial: int) -> None:
        if trial in self._trainings:
            training = self._trainings[trial]
            self._tracker.set_tags(training.run_id, {"lrlab.pruned": "true"})
            self._leave(training, "KILLED")

    def close(self) -> None:
        for training in list(self._trainings.values()):
            self._leave(training, "KILLED", keep_checkpoint=True)
        if self._picture:
            recorder.log_plots(self._tracker, *self._picture)
        self._tracker.close()

    def _stopped(self, trial: "optuna.Trial") -> Checkpoint | None:
        """The last checkpoint of the trials of which this one is a repetition."""
        found = (checkpoint.load(self._checkpoints, run_id, _say) for run_id in _runs_before(trial))
        return next((each for each in found if each), None)

    def _settle(self) -> list[IntermediateValue]:
        """Give every waiting trial a slot; returns what those that were cut off had reported before."""
        for key, populations in list(self._populations.items()):
            self._populations[key] = [population for population in populations if population.members]
        cut_off = [each for each in self._trainings.values() if each.home is None and each.stopped]
        for training in cut_off:
            self._reseat(training)
        homeless = defaultdict(list)
        for training in self._trainings.values():
            if training.home is None:
                key = self._company(training.experiment)
                free = next((p for p in self._populations[key] if p.free_slots), None)
                if free:
                    self._admit(training, free)
                else:
                    homeless[key].append(training)
        for key, trainings in homeless.items():
            population = self._found(trainings[0].experiment, len(trainings))
            self._populations[key].append(population)
            for training in trainings:
                self._admit(training, population)
        return [
            IntermediateValue(training.trial.number, step, value)
            for training in cut_off
            for step, value in training.history[self._objective]
        ]

    def _reseat(self, training: Training) -> None:
        """Put a trial that was cut off into a population as wide, as far and as fine as the one it was in."""
        stopped, key = training.stopped, self._company(training.experiment)
        assert stopped
        place = (stopped.width, stopped.microbatch, stopped.shuffles)
        population = next(
            (
                each
                for each in self._populations[key]
                if (each.width, each.microbatch, each.epochs_done) == place
                and stopped.slot not in [member.slot for member in each.members]
            ),
            None,
        )
        if population is None:
            population = training.experiment.method.new_population(
                training.experiment,
                self._dataset(training.experiment.data),
                width=stopped.width,
                microbatch=stopped.microbatch,
                first_epoch=stopped.shuffles,
            )
            self._populations[key].append(population)
        self._admit(training, population, stopped)
        for name, points in stopped.history.items():
            training.history[name] += points
            for step, value in points:
                self._tracker.log_metrics(training.run_id, step, {name: value})

    def _company(self, wanted: Experiment) -> Hashable:
        """What the members of one population have in common."""
        return wanted.method, wanted.method.compatibility_key(wanted), self._microbatch_of(wanted)

    def _microbatch_of(self, wanted: Experiment) -> int:
        size = wanted.batch_size
        shared = (m for smallest, m in reversed(self._microbatches) if smallest <= size and size % m == 0)
        return next(shared, None) or microbatch_for([size])

    def _found(self, wanted: Experiment, width: int) -> Population:
        dataset, microbatch = self._dataset(wanted.data), self._microbatch_of(wanted)
        return wanted.method.new_population(wanted, dataset, width=width, microbatch=microbatch)

    def _admit(self, training: Training, population: Population, stopped: Checkpoint | None = None) -> None:
        member = population.admit(training.experiment, stopped.slot if stopped else None)
        if stopped:
            stopped.restore(member)
        training.home = population, member
        number = training.trial.number
        training.run_id = recorder.start(
            self._tracker,
            training.config,
            population,
            member,
            name=f"trial {number}",
            parent=self._parent,
            tags={"lrlab.trial": str(number), "lrlab.overrides": " ".join(training.overrides)},
        )
        training.trial.set_user_attr("run_id", training.run_id)

    def _report(self, training: Training, event: EpochResult) -> IntermediateValue | TrialEnd:
        """Put an epoch on record; the trial's end if it was the last one."""
        assert training.home is not None
        number, value = training.trial.number, event.metrics[self._objective]
        self._tracker.log_metrics(training.run_id, event.epoch, event.metrics)
        for name, metric in event.metrics.items():
            training.history[name].append((event.epoch, metric))
        if event.diverged:
            self._tracker.set_tags(training.run_id, {"lrlab.diverged": "true"})
            self._leave(training, "FAILED")
            return TrialEnd(number, "diverged", reason=f"diverged in epoch {event.epoch}")
        if not event.member.finished:
            return IntermediateValue(number, event.epoch, value)
        if self._sign * value < self._best:  # so the best of the sweep is among those kept
            self._best = self._sign * value
            population, member = training.home
            weights = member.weights()
            recorder.log_weights(self._tracker, training.run_id, weights)
            self._picture = training.run_id, training.experiment.model, population.dataset, weights, training.history
        self._leave(training, "FINISHED")
        return TrialEnd(number, "complete", value)

    def _leave(self, training: Training, status: Any, *, keep_checkpoint: bool = False) -> None:
        del self._trainings[training.trial.number]
        if training.home is not None:
            population, member = training.home
            recorder.log_learning_rate_diagnosis(self._tracker, training.run_id, population, member, training.history)
            population.release(member)
            self._tracker.end_run(training.run_id, status)
            if not keep_checkpoint:
                for run_id in (training.run_id, *_runs_before(training.trial)):
                    checkpoint.discard(self._checkpoints, run_id)

    def _dataset(self, source: DataSource) -> Dataset:
        if source not in self._datasets:
            self._datasets[source] = source.load()
        return self._datasets[source]


def _runs_before(trial: "optuna.Trial") -> Iterator[str]:
    """The runs of the trials of which this one is a repetition, the latest first."""
    number = trial.user_attrs.get(RETRY_OF)
    while number is not None:
        attributes = trial.study.get_trials(deepcopy=False)[number].user_attrs
        if "run_id" in attributes:
            yield attributes["run_id"]
        number = attributes.get(RETRY_OF)


def _say(trouble: str) -> None:
    print(f"lrlab: {trouble}", file=sys.stderr)
