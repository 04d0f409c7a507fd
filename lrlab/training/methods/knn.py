"""method=knn: the vote of the nearest neighbours (CS231n, nearest neighbor classifier)."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np

from lrlab.core.neighbours import KNN, nearest
from lrlab.data.dataset import Dataset
from lrlab.errors import InputError
from lrlab.runtime.environment import blas_of
from lrlab.training.experiment import Experiment
from lrlab.training.sequential import Learner, SequentialMethod

Array = np.ndarray

BLOCK = 512  # images that look for their neighbours at a time: 184 MB of distances to 45,000 others
MAX_CACHED_NEIGHBOURS = 100  # neighbours kept per image, so that one search serves every k up to this


@dataclass(frozen=True)
class NearestNeighbours(SequentialMethod):
    """Nearest neighbours among the training images; an epoch is the vote on the next 512 validation images.

    Members with one metric share the search for neighbours, whatever their k. Accuracy and loss are those of the
    validation images so far; the loss is the cross-entropy of the votes with one more vote for every class
    (Laplace), -log((votes of the label + 1) / (k + C)). Loss, regularizer, optimizer, schedule, batch size, epochs,
    seed and dtype of the configuration play no part.
    """

    def check(self, experiment: Experiment) -> None:
        _knn(experiment)

    def check_fits(self, experiment: Experiment, dataset: Dataset) -> None:
        k, samples = _knn(experiment).k, len(dataset.train)
        if k > samples:
            raise InputError(f"model.k must be <= {samples}, the training set's size, got {k}")

    def n_epochs(self, experiment: Experiment, dataset: Dataset) -> int:
        return -(-len(dataset.validation) // BLOCK)

    def compatibility_key(self, experiment: Experiment) -> Hashable:
        return experiment.data, _knn(experiment).metric

    def learner_factory(self, experiment: Experiment, dataset: Dataset) -> Callable[[Experiment], Learner]:
        cache = NeighbourCache(dataset, _knn(experiment).metric)
        return lambda member: KNNLearner(_knn(member), cache)


class NeighbourCache:
    """A cache of the labels of the nearest training images of the validation images."""

    def __init__(self, dataset: Dataset, metric: str) -> None:
        self.dataset, self.metric = dataset, metric
        self.x, self.x_test = dataset.pixels()
        self._train = self.x[dataset.train]
        self._validation_labels: dict[int, Array] = {}

    def validation_labels(self, first: int, k: int) -> Array:
        """Return labels (up to BLOCK, k or more) of the neighbours of the validation images from ``first`` on."""
        if first not in self._validation_labels or self._validation_labels[first].shape[1] < k:
            rows = self.dataset.validation[first : first + BLOCK]
            self._validation_labels[first] = self.labels(self.x[rows], k)
        return self._validation_labels[first]

    def labels(self, queries: Array, k: int) -> Array:
        """Return labels (Q, k or more) of the neighbours of any images, nearest first."""
        count = min(max(k, MAX_CACHED_NEIGHBOURS), len(self._train))
        indices = nearest(queries, self._train, count, self.metric, blas_of(np).get("num_threads", 1))
        labels: Array = self.dataset.y[self.dataset.train[indices]]
        return labels


class KNNLearner:
    """The votes on all validation images (a ``lrlab.training.sequential.Learner``)."""

    def __init__(self, knn: KNN, cache: NeighbourCache) -> None:
        self._knn, self._cache = knn, cache
        self._tally = RunningMetrics()

    @property
    def finished(self) -> bool:
        return self._tally.count == len(self._cache.dataset.validation)

    def step(self) -> dict[str, float]:
        data, first = self._cache.dataset, self._tally.count
        labels = self._cache.validation_labels(first, self._knn.k)
        self._tally.add(self._knn.votes(labels, len(data.classes)), data.y[data.validation[first : first + BLOCK]])
        return self._tally.metrics("val")

    def weights(self) -> dict[str, Array]:
        return {}

    def test(self) -> dict[str, float]:
        data, tally = self._cache.dataset, RunningMetrics()
        for i in range(0, len(data.y_test), BLOCK):
            labels = self._cache.labels(self._cache.x_test[i : i + BLOCK], self._knn.k)
            tally.add(self._knn.votes(labels, len(data.classes)), data.y_test[i : i + BLOCK])
        return tally.metrics("test")


class RunningMetrics:
    """Loss and accuracy of votes, added up block by block."""

    def __init__(self) -> None:
        self.count = 0
        self._loss = 0.0
        self._right = 0

    def add(self, votes: Array, y: Array) -> None:
        """Add votes (Q, C) and labels (Q,)."""
        k = votes[0].sum()
        of_label = votes[np.arange(len(y)), y]
        self._loss -= float(np.log((of_label + 1) / (k + votes.shape[1])).sum())
        self._right += int(np.count_nonzero(votes.argmax(axis=1) == y))
        self.count += len(y)

    def metrics(self, split: str) -> dict[str, float]:
        """Return the means over everything added so far."""
        return {f"{split}/loss": self._loss / self.count, f"{split}/accuracy": self._right / self.count}


def _knn(experiment: Experiment) -> KNN:
    if not isinstance(experiment.model, KNN):
        raise InputError(f"model must be knn for method=knn, got {experiment.model}")
    return experiment.model
