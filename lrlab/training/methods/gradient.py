"""method=gradient: backpropagation and an optimizer, many configurations at once."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lrlab.data.dataset import Dataset
from lrlab.errors import InputError
from lrlab.training.experiment import Experiment, parametric
from lrlab.training.population import StackedPopulation, max_width, search_width


@dataclass(frozen=True)
class Gradient:
    """Mini-batch gradient descent with the experiment's optimizer; an epoch is a pass over the training set."""

    objectives: ClassVar[Sequence[str]] = ("val/loss", "val/accuracy")

    def check(self, experiment: Experiment) -> None:
        parametric(experiment)

    def check_fits(self, experiment: Experiment, dataset: Dataset) -> None:
        samples = len(dataset.train)
        if experiment.batch_size > samples:
            raise InputError(f"batch_size must be <= {samples}, the training set's size, got {experiment.batch_size}")

    def n_epochs(self, experiment: Experiment, dataset: Dataset) -> int:
        return experiment.passes(len(dataset.train))

    def max_width(self, experiment: Experiment, dataset: Dataset) -> int:
        return max_width(parametric(experiment), dataset, np.dtype(experiment.dtype))

    def search_width(self, experiment: Experiment, dataset: Dataset) -> int:
        return search_width(parametric(experiment), dataset)

    def compatibility_key(self, experiment: Experiment) -> Hashable:
        return experiment.data, experiment.model, experiment.loss, experiment.dtype, experiment.seed

    def new_population(
        self, experiment: Experiment, dataset: Dataset, *, width: int, microbatch: int, first_epoch: int = 0
    ) -> StackedPopulation:
        return StackedPopulation(
            dataset,
            parametric(experiment),
            experiment.loss,
            width=width,
            microbatch=microbatch,
            seed=experiment.seed,
            dtype=experiment.dtype,
            first_epoch=first_epoch,
        )
