"""method=newton: Newton's method with a line search, for a linear softmax model that is small (lecture 7.3).

    (W, b) += t d      where H d = -g, and t = 1, 1/2, 1/4, ... is the first that lowers the loss enough

(Boyd & Vandenberghe, Convex Optimization, algorithm 9.5 with the backtracking line search 9.2.) The loss is the whole
one, with the regularizer; it is strictly convex in W, and a constant added to all biases changes nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from lrlab.core.hessian import softmax_hessian
from lrlab.core.model import Layer, Linear
from lrlab.core.random_streams import stream
from lrlab.core.regularizer import L2
from lrlab.data.dataset import Dataset
from lrlab.errors import InputError
from lrlab.training.evaluation import Split, split_metrics
from lrlab.training.experiment import Experiment, parametric
from lrlab.training.sequential import Learner, SequentialMethod

Array = np.ndarray

SUFFICIENT_DECREASE = 1e-4  # of what the slope promises, which a step has to bring (Nocedal & Wright, section 3.1)
RELATIVE_ROUNDING = 1e-15  # of the loss: differences below it say nothing


@dataclass(frozen=True)
class Newton(SequentialMethod):
    """Newton's method for model=linear with regularizer=l2, in float64; an epoch is one step.

    The metric ``lr`` is the length t of the step. Optimizer, schedule, batch size, epochs and dtype play no part.

    Args:
        steps: how many at most.
        tolerance: stops when the norm of the gradient of the whole loss is at most this.
        largest: parameters P up to which it is tried: the Hessian takes 8 P^2 bytes, a step P^3 / 3 multiplications.
    """

    steps: Annotated[int, Ge(1)] = 50
    tolerance: Annotated[float, Gt(0)] = 1e-8
    largest: Annotated[int, Ge(1)] = 5000

    def check(self, experiment: Experiment) -> None:
        if not isinstance(experiment.model, Linear):
            raise InputError(f"model must be linear for method=newton, got {experiment.model}")
        if not isinstance(experiment.regularizer, L2) or experiment.regularizer.strength == 0:
            raise InputError(
                f"regularizer must be l2 with a strength > 0 for method=newton, got {experiment.regularizer}"
            )

    def check_fits(self, experiment: Experiment, dataset: Dataset) -> None:
        parameters = (dataset.x.shape[1] + 1) * len(dataset.classes)
        if parameters > self.largest:
            raise InputError(
                f"method=newton needs at most method.largest={self.largest} parameters, got {parameters} "
                f"for data={dataset.name}: its Hessian would take {8 * parameters**2 / 1e9:.2g} GB"
            )

    def n_epochs(self, experiment: Experiment, dataset: Dataset) -> int:
        return self.steps

    def learner_factory(self, experiment: Experiment, dataset: Dataset) -> Callable[[Experiment], Learner]:
        return lambda member: NewtonLearner(self, member, dataset)


class NewtonLearner:
    """The steps of one experiment (a ``lrlab.training.sequential.Learner``).

    The parameters are one array w (C, D + 1), whose rows are (W_c, b_c).
    """

    def __init__(self, newton: Newton, experiment: Experiment, dataset: Dataset) -> None:
        self._newton, self._experiment, self._dataset = newton, experiment, dataset
        self._x = np.column_stack([dataset.x[dataset.train], np.ones(len(dataset.train))]).astype(np.float64)
        self._y = dataset.y[dataset.train]
        self._strength = experiment.regularizer.strength
        rng = stream(experiment.seed, "weights")
        (layer,) = parametric(experiment).init(rng, dataset.x.shape[1], len(dataset.classes))
        self._w = np.column_stack([layer.W[0], layer.b[0]])
        self._p, self._g = self._slope(self._w)
        self._left = newton.steps

    @property
    def finished(self) -> bool:
        return self._left == 0 or _norm(self._g) <= self._newton.tolerance

    def step(self) -> dict[str, float]:
        w, g, loss = self._w, self._g, self._loss(self._w)
        d = -np.linalg.solve(self._hessian(), g.ravel()).reshape(w.shape)
        slope, t = float((g * d).sum()), 1.0
        while self._loss(w + t * d) > loss + SUFFICIENT_DECREASE * t * slope + RELATIVE_ROUNDING * loss:
            t /= 2
        self._w = w + t * d
        self._p, self._g = self._slope(self._w)
        self._left -= 1
        return {
            **self._measure("train"),
            **self._measure("val"),
            "lr": t,
            "gradient_norm": _norm(self._g),
            "weight_norm": _norm(self._w),
            "update_ratio": _norm(t * d) / _norm(w),
        }

    def weights(self) -> dict[str, Array]:
        return {"W1": self._w[:, :-1].copy(), "b1": self._w[:, -1].copy()}

    def test(self) -> dict[str, float]:
        return self._measure("test")

    def _loss(self, w: Array) -> float:
        scores = (self._x @ w.T).T[None]
        data = self._experiment.loss.value(scores, self._y).mean()
        return float(data + self._experiment.regularizer.value(w[:, :-1]))

    def _slope(self, w: Array) -> tuple[Array, Array]:
        """Return the softmax probabilities (N, C) and the gradient (C, D + 1) of the whole loss."""
        scores = self._x @ w.T
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        g = (p - np.eye(len(w))[self._y]).T @ self._x / len(self._x)
        g[:, :-1] += 2 * self._strength * w[:, :-1]
        return p, g

    def _hessian(self) -> Array:
        """Return the Hessian of the whole loss, made definite along its one flat direction, all biases alike."""
        C, M = self._w.shape
        H = softmax_hessian(self._p, self._x)
        penalized = np.tile(np.arange(M) < M - 1, C)
        H[np.diag_indices(C * M)] += 2 * self._strength * penalized
        H[np.ix_(~penalized, ~penalized)] += 1 / C
        return H

    def _measure(self, split: Split) -> dict[str, float]:
        layers = [Layer(self._w[None, :, :-1], self._w[None, :, -1])]
        return split_metrics(split, layers, self._experiment.loss, self._dataset)


def _norm(array: Array) -> float:
    return float(np.linalg.norm(array))
