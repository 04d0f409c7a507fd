"""method=random_search: draw parameters, keep the best (lecture 4.3)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from lrlab.core.model import Layer, zeros
from lrlab.core.random_streams import stream
from lrlab.data.dataset import Dataset
from lrlab.training.evaluation import evaluate_rows, split_metrics
from lrlab.training.experiment import Experiment, parametric
from lrlab.training.sequential import Learner, SequentialMethod

Array = np.ndarray

DRAWS_PER_EPOCH = 100  # draws whose scores are one multiply; an epoch


@dataclass(frozen=True)
class RandomSearch(SequentialMethod):
    """The best of many draws from the model's initial distribution, by the loss on the training set.

    An epoch is 100 draws; its metrics are those of the best draw so far. The loss that decides is the whole one, with
    the regularizer. Optimizer, schedule, batch size and epochs play no part.

    Args:
        draws: how many.
    """

    draws: Annotated[int, Ge(1)] = 1000

    def check(self, experiment: Experiment) -> None:
        parametric(experiment)

    def n_epochs(self, experiment: Experiment, dataset: Dataset) -> int:
        return -(-self.draws // DRAWS_PER_EPOCH)

    def learner_factory(self, experiment: Experiment, dataset: Dataset) -> Callable[[Experiment], Learner]:
        return lambda member: RandomSearchLearner(self.draws, member, dataset)


class RandomSearchLearner:
    """The draws of one experiment (a ``lrlab.training.sequential.Learner``)."""

    def __init__(self, draws: int, experiment: Experiment, dataset: Dataset) -> None:
        self._left = draws
        self._experiment, self._dataset = experiment, dataset
        self._model = parametric(experiment)
        self._rng = stream(experiment.seed, "weights")
        self._best: list[Layer] = []
        self._least = np.inf
        self._metrics: dict[str, float] = {}

    @property
    def finished(self) -> bool:
        return self._left == 0

    def step(self) -> dict[str, float]:
        data, loss, regularizer = self._dataset, self._experiment.loss, self._experiment.regularizer
        drawn = self._draw(min(DRAWS_PER_EPOCH, self._left))
        self._left -= len(drawn[0].W)
        losses, _ = evaluate_rows(drawn, loss, data.x, data.y, data.train)
        losses += [sum(map(regularizer.value, weights)) for weights in zip(*(layer.W for layer in drawn), strict=True)]
        k = int(losses.argmin())
        if losses[k] < self._least:
            self._least = losses[k]
            self._best = [Layer(layer.W[k : k + 1].copy(), layer.b[k : k + 1].copy()) for layer in drawn]
            self._metrics = split_metrics("train", self._best, loss, data) | split_metrics(
                "val", self._best, loss, data
            )
        return dict(self._metrics)

    def weights(self) -> dict[str, Array]:
        layers = enumerate(self._best, start=1)
        return {f"{name}{i}": array[0] for i, layer in layers for name, array in layer._asdict().items()}

    def test(self) -> dict[str, float]:
        return split_metrics("test", self._best, self._experiment.loss, self._dataset)

    def _draw(self, count: int) -> list[Layer]:
        inputs, classes = self._dataset.x.shape[1], len(self._dataset.classes)
        drawn = zeros(self._model.widths(inputs, classes), count, np.dtype(self._experiment.dtype))
        for k in range(count):
            for layer, initial in zip(drawn, self._model.init(self._rng, inputs, classes), strict=True):
                layer.W[k], layer.b[k] = initial.W[0], initial.b[0]
        return drawn
