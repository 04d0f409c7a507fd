"""The population runner: the trials of one worker, trained side by side on the same microbatches.

Trials whose experiments agree on the method, and on what it lets members share (for gradient descent data, model,
loss, dtype and seed), share a population. A trial takes a free slot of
a fitting population at the next epoch boundary; those that find none found a new one together. A population that
has become empty is dropped.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lrlab import recording
from lrlab.configuration import experiment
from lrlab.data.datasets import Dataset
from lrlab.sweep.runner import Context, End, Progress
from lrlab.training.experiment import DataSource, Experiment
from lrlab.training.method import Cohort, Event, Trainee
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
    run_id: str = ""
    home: tuple[Cohort, Trainee] | None = None
    history: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))


class PopulationRunner:
    """Trains up to ``width`` trials at once; implements ``lrlab.sweep.runner.Runner``.

    Args:
        context: of the worker; its extras are those of ``lrlab.app``: the parent run, the width, the microbatch.
        tracker: where the trials' runs go; closed with the runner.
    """

    def __init__(self, context: Context, tracker: "Tracker") -> None:
        self._compose = context.sweep.composer.compose
        self._tracker = tracker
        self._parent: str = context.extras["run_id"]
        self._width: int = context.extras["width"]
        self._microbatch: int = context.extras["microbatch"]
        self._objective: str = context.sweep.config.objective
        self._sign = -1 if context.sweep.config.hydra.sweeper.direction == "maximize" else 1
        self._best = float("inf")
        self._trainings: dict[int, Training] = {}
        self._populations: dict[Hashable, list[Cohort]] = defaultdict(list)
        self._datasets: dict[DataSource, Dataset] = {}

    @property
    def room(self) -> int:
        return self._width - len(self._trainings)

    def start(self, trial: "optuna.Trial", overrides: Sequence[str]) -> None:
        config = self._compose(overrides)
        wanted = experiment(config)
        wanted.check_fits(self._dataset(wanted.data))
        self._trainings[trial.number] = Training(trial, overrides, config, wanted)

    def advance(self) -> Sequence[Progress | End]:
        self._settle()
        at = {training.home: training for training in self._trainings.values()}
        reports: list[Progress | End] = []
        for populations in self._populations.values():
            for population in populations:
                for event in population.epoch():
                    reports.append(self._report(at[population, event.member], event))
        return reports

    def prune(self, trial: int) -> None:
        if trial in self._trainings:
            training = self._trainings[trial]
            self._tracker.tag(training.run_id, {"lrlab.pruned": "true"})
            self._leave(training, "KILLED")

    def close(self) -> None:
        for training in list(self._trainings.values()):
            self._leave(training, "KILLED")
        self._tracker.close()

    def _settle(self) -> None:
        """Give every waiting trial a slot."""
        for key, populations in list(self._populations.items()):
            self._populations[key] = [population for population in populations if population.members]
        homeless = defaultdict(list)
        for training in self._trainings.values():
            if training.home is None:
                key = self._company(training.experiment)
                free = next((p for p in self._populations[key] if p.room), None)
                if free:
                    self._admit(training, free)
                else:
                    homeless[key].append(training)
        for key, trainings in homeless.items():
            population = self._found(trainings[0].experiment, len(trainings))
            self._populations[key].append(population)
            for training in trainings:
                self._admit(training, population)

    def _company(self, wanted: Experiment) -> Hashable:
        """What the members of one population have in common."""
        return wanted.method, wanted.method.shared(wanted), self._microbatch_of(wanted)

    def _microbatch_of(self, wanted: Experiment) -> int:
        fits = wanted.batch_size % self._microbatch == 0
        return self._microbatch if fits else microbatch_for([wanted.batch_size])

    def _found(self, wanted: Experiment, width: int) -> Cohort:
        dataset, microbatch = self._dataset(wanted.data), self._microbatch_of(wanted)
        return wanted.method.cohort(wanted, dataset, width=width, microbatch=microbatch)

    def _admit(self, training: Training, population: Cohort) -> None:
        member = population.admit(training.experiment)
        training.home = population, member
        number = training.trial.number
        training.run_id = recording.start(
            self._tracker,
            training.config,
            population,
            member,
            name=f"trial {number}",
            parent=self._parent,
            tags={"lrlab.trial": str(number), "lrlab.overrides": " ".join(training.overrides)},
        )
        training.trial.set_user_attr("run_id", training.run_id)

    def _report(self, training: Training, event: Event) -> Progress | End:
        """Put an epoch on record; the trial's end if it was the last one."""
        assert training.home is not None
        number, value = training.trial.number, event.metrics[self._objective]
        self._tracker.log(training.run_id, event.epoch, event.metrics)
        for name, metric in event.metrics.items():
            training.history[name].append((event.epoch, metric))
        if event.diverged:
            self._tracker.tag(training.run_id, {"lrlab.diverged": "true"})
            self._leave(training, "FAILED")
            return End(number, "diverged", reason=f"diverged in epoch {event.epoch}")
        if not event.member.finished:
            return Progress(number, event.epoch, value)
        if self._sign * value < self._best:  # so the best of the sweep is among those kept
            self._best = self._sign * value
            recording.keep(self._tracker, training.run_id, *training.home, training.history)
        self._leave(training, "FINISHED")
        return End(number, "complete", value)

    def _leave(self, training: Training, status: Any) -> None:
        del self._trainings[training.trial.number]
        if training.home is not None:
            population, member = training.home
            population.release(member)
            self._tracker.end(training.run_id, status)

    def _dataset(self, source: DataSource) -> Dataset:
        if source not in self._datasets:
            self._datasets[source] = source.load()
        return self._datasets[source]
