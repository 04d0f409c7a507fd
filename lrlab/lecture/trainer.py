"""The desk at which the chapters work: it trains experiments, many at once where they can be, and records each."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lrlab.data.datasets import Dataset
from lrlab.lecture.presets import Preset
from lrlab.runs import recorder
from lrlab.tracking.tracker import Tracker
from lrlab.training.configuration import config_of
from lrlab.training.experiment import DataSource, EpochResult, Experiment
from lrlab.training.population import microbatch_for

Array = np.ndarray


@dataclass(frozen=True)
class Trained:
    """A training that is over.

    Attributes:
        history: every metric, one value an epoch.
        weights: what was learned, as ``Trainee.weights`` gives it.
        tested: loss and accuracy on the test split; empty unless asked for.
    """

    experiment: Experiment
    run_id: str
    history: dict[str, list[float]]
    weights: dict[str, Array]
    tested: dict[str, float]

    def last(self, metric: str) -> float:
        """The value after the last epoch; a loss that is not finite counts as infinite."""
        value = self.history[metric][-1]
        return math.inf if math.isnan(value) else value


class ChapterTrainer:
    """Trains for the chapters.

    Args:
        scale: which data, and how much of it.
        tracker, parent: every training becomes a run under the parent.
        watch: told of every epoch: what is trained, and which part of it is done.
    """

    def __init__(self, scale: Preset, tracker: Tracker, parent: str, watch: Callable[[str, float], None]) -> None:
        self.preset = scale
        self.watch = watch
        self._tracker, self._parent = tracker, parent
        self._loaded: dict[DataSource, Dataset] = {}

    def load(self, source: DataSource) -> Dataset:
        """The loaded data, once."""
        if source not in self._loaded:
            self._loaded[source] = source.load()
        return self._loaded[source]

    def train(self, title: str, experiments: Iterable[Experiment], *, test: bool = False) -> list[Trained]:
        """Train all of them to their ends, in their order.

        Args:
            title: what the runs are called.
            experiments: those that can share a cohort do.
            test: whether to look at the test split at the end.
        """
        wanted = list(experiments)
        groups = defaultdict(list)
        for index, experiment in enumerate(wanted):
            groups[experiment.method, experiment.method.compatibility_key(experiment), experiment.epochs].append(index)
        done: dict[int, Trained] = {}
        for number, indices in enumerate(groups.values()):
            together = [wanted[index] for index in indices]

            def watch(part: float, before: int = number) -> None:
                self.watch(title, (before + part) / len(groups))

            done |= zip(indices, self._train(title, together, test, watch), strict=True)
        return [done[index] for index in range(len(wanted))]

    def _train(
        self, title: str, experiments: Sequence[Experiment], test: bool, watch: Callable[[float], None]
    ) -> list[Trained]:
        """Train experiments that share a cohort."""
        first, tracker = experiments[0], self._tracker
        dataset = self.load(first.data)
        first.check_fits(dataset)
        microbatch = microbatch_for(experiment.batch_size for experiment in experiments)
        cohort = first.method.new_population(first, dataset, width=len(experiments), microbatch=microbatch)
        members = [cohort.admit(experiment) for experiment in experiments]
        total = first.method.n_epochs(first, dataset)
        runs = {
            member: recorder.start(
                tracker, config_of(member.experiment), cohort, member, name=title, parent=self._parent
            )
            for member in members
        }
        histories: dict[object, dict[str, list[float]]] = {member: defaultdict(list) for member in members}
        results: dict[object, Trained] = {}

        def end(event: EpochResult) -> None:
            member = event.member
            tested = cohort.test(member) if test else {}
            tracker.log_metrics(runs[member], event.epoch, tested)
            points = {name: list(enumerate(values, start=1)) for name, values in histories[member].items()}
            recorder.log_learning_rate_diagnosis(tracker, runs[member], cohort, member, points)
            tracker.end_run(runs[member], "FAILED" if event.diverged else "FINISHED")
            results[member] = Trained(
                member.experiment, runs[member], dict(histories[member]), member.weights(), tested
            )
            cohort.release(member)

        while len(results) < len(members):
            for event in cohort.train_epoch():
                for name, value in event.metrics.items():
                    histories[event.member][name].append(value)
                tracker.log_metrics(runs[event.member], event.epoch, event.metrics)
                if event.member.finished or event.diverged:
                    end(event)
            watch(max((member.epoch for member in members), default=0) / total)
        return [results[member] for member in members]


def best(trained: Sequence[Trained], metric: str = "val/loss") -> Trained:
    """The one with the least value of a metric."""
    return min(trained, key=lambda one: one.last(metric))
