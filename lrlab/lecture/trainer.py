"""The trainer of the chapters: it trains experiments, together where they can share a population, and records them."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeVar

import numpy as np

from lrlab.data.dataset import Dataset
from lrlab.lecture.presets import Preset
from lrlab.runs.loop import RecordedTraining, training_loop
from lrlab.tracking.tracker import Tracker
from lrlab.training.experiment import DataSource, Experiment
from lrlab.training.population import microbatch_for

Array = np.ndarray
Key = TypeVar("Key")


@dataclass(frozen=True)
class Trained:
    """A training that is over.

    Attributes:
        history: every metric, one value an epoch.
        weights: what was learned, as ``Member.weights`` gives it.
        tested: loss and accuracy on the test split; empty unless asked for.
    """

    experiment: Experiment
    run_id: str
    history: dict[str, list[float]]
    weights: dict[str, Array]
    tested: dict[str, float]

    def last(self, metric: str) -> float:
        """Return the value after the last epoch; a loss that is not finite counts as infinite."""
        value = self.history[metric][-1]
        return math.inf if math.isnan(value) else value


class ChapterTrainer:
    """The trainer that a chapter is given.

    Args:
        preset: which data, and how much of it.
        tracker, parent: every training becomes a run under the parent.
        watch: told of every epoch: what is trained, and which part of it is done.
    """

    def __init__(self, preset: Preset, tracker: Tracker, parent: str, watch: Callable[[str, float], None]) -> None:
        self.preset = preset
        self.watch = watch
        self._tracker, self._parent = tracker, parent
        self._loaded: dict[DataSource, Dataset] = {}

    def load(self, source: DataSource) -> Dataset:
        """Return the data of a source, which is loaded once."""
        if source not in self._loaded:
            self._loaded[source] = source.load()
        return self._loaded[source]

    def train(self, title: str, experiments: Iterable[Experiment], *, test: bool = False) -> list[Trained]:
        """Train all of them to their ends; return them in their order.

        Args:
            title: name of the runs.
            experiments: those that can share a population do.
            test: whether to look at the test split at the end.
        """
        ordered = list(experiments)
        groups = defaultdict(list)
        for index, experiment in enumerate(ordered):
            groups[experiment.compatibility_key(), experiment.epochs].append(index)
        trained: dict[int, Trained] = {}
        for number, indices in enumerate(groups.values()):

            def watch(part: float, before: int = number) -> None:
                self.watch(title, (before + part) / len(groups))

            group = [ordered[index] for index in indices]
            trained |= zip(indices, self._train(title, group, test, watch), strict=True)
        return [trained[index] for index in range(len(ordered))]

    def train_groups(self, title: str, groups: Mapping[Key, Sequence[Experiment]]) -> dict[Key, list[Trained]]:
        """Train all experiments of named groups, as `train` does; return them by group."""
        trained = iter(self.train(title, chain.from_iterable(groups.values())))
        return {name: list(islice(trained, len(group))) for name, group in groups.items()}

    def _train(
        self, title: str, experiments: Sequence[Experiment], test: bool, watch: Callable[[float], None]
    ) -> list[Trained]:
        """Train experiments that share a population."""
        first = experiments[0]
        dataset = self.load(first.data)
        first.check_fits(dataset)
        microbatch = microbatch_for(experiment.batch_size for experiment in experiments)
        population = first.new_population(dataset, width=len(experiments), microbatch=microbatch)
        total = first.n_epochs(dataset)
        trained: dict[str, Trained] = {}

        def keep(training: RecordedTraining) -> None:
            history, member = training.history, training.member
            tested = population.test(member) if test else {}
            self._tracker.log_metrics(training.run_id, member.epoch, tested)
            metrics = {name: history.values(name) for name in history.points}
            trained[training.run_id] = Trained(training.experiment, training.run_id, metrics, member.weights(), tested)

        with training_loop(self._tracker, on_end=keep) as loop:
            started = [
                loop.start(experiment, population, name=title, parent=self._parent) for experiment in experiments
            ]
            while loop.open:
                results = loop.train_epoch()
                watch(max(result.epoch for _, result in results) / total)
        return [trained[training.run_id] for training in started]


def best(trained: Sequence[Trained], metric: str = "val/loss") -> Trained:
    """Return the training that ends with the least value of a metric."""
    return min(trained, key=lambda run: run.last(metric))
