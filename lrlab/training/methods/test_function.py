"""method=test_function: the optimizer and its schedule on a function of the plane instead of a loss (lecture 4.2)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from lrlab.core.schedule import factor
from lrlab.core.test_functions import FunctionName, get_function
from lrlab.data.dataset import Dataset
from lrlab.training.experiment import Experiment
from lrlab.training.sequential import Learner, SequentialMethod

Array = np.ndarray


@dataclass(frozen=True)
class FunctionDescent(SequentialMethod):
    """A descent that can be drawn; an epoch is one update, in float64.

    The value is recorded as ``train/loss`` and ``val/loss``, the point as ``x`` and ``y``. Of the configuration only
    the optimizer and the schedule play a part.

    Args:
        function: quadratic, saddle, double_well, rosenbrock or beale.
        condition: ratio of the curvatures of the quadratic.
        steps: number of updates.
    """

    function: FunctionName = "quadratic"
    condition: Annotated[float, Ge(1)] = 100.0
    steps: Annotated[int, Ge(1)] = 200

    objectives: ClassVar[Sequence[str]] = ("val/loss",)

    def n_epochs(self, experiment: Experiment, dataset: Dataset) -> int:
        return self.steps

    def learner_factory(self, experiment: Experiment, dataset: Dataset) -> Callable[[Experiment], Learner]:
        return lambda member: FunctionLearner(self, member)


class FunctionLearner:
    """The path of one experiment (a ``lrlab.training.sequential.Learner``)."""

    def __init__(self, method: FunctionDescent, experiment: Experiment) -> None:
        self._function = get_function(method.function, method.condition)
        self._steps = method.steps
        self._experiment = experiment
        self._w = np.array(self._function.start)
        self._state = experiment.optimizer.init(self._w)
        self._t = 0

    @property
    def finished(self) -> bool:
        return self._t == self._steps

    def step(self) -> dict[str, float]:
        optimizer = self._experiment.optimizer
        lr = optimizer.lr * factor(self._experiment.schedule, self._t, self._steps)
        self._t += 1
        with np.errstate(over="ignore", invalid="ignore"):  # divergence is reported
            g = self._function.gradient(self._w)
            optimizer.update(self._w, g.copy(), self._state, lr, self._t, np.empty(2))
            value = float(self._function.value(self._w))
        return {
            "train/loss": value,
            "val/loss": value,
            "x": float(self._w[0]),
            "y": float(self._w[1]),
            "lr": lr,
            "gradient_norm": math.hypot(*g),
        }

    def weights(self) -> dict[str, Array]:
        return {"w": self._w.copy()}

    def test(self) -> dict[str, float]:
        return {"test/loss": float(self._function.value(self._w))}
