"""The gradient check: backpropagation against centred differences, in float64 (CS231n, gradient checks)."""

import itertools
import time
from dataclasses import asdict, dataclass

import numpy as np

from lrlab.core.loss import Loss, SoftmaxCrossEntropy
from lrlab.core.model import MLP, Layer, Linear, Model, backward, forward, output_buffers
from lrlab.core.regularizer import L1, L2, ElasticNet, NoRegularizer, Regularizer

Array = np.ndarray

MODELS: tuple[Model, ...] = Linear(), MLP((5,)), MLP((5, 4))
LOSSES: tuple[Loss, ...] = (SoftmaxCrossEntropy(),)
REGULARIZERS: tuple[Regularizer, ...] = NoRegularizer(), L2(0.1), L1(0.1), ElasticNet(0.1, 0.3)
TOLERANCE = 1e-6


@dataclass(frozen=True)
class GradientCheck:
    """Outcome of one check; the error is ||a - n|| / (||a|| + ||n||), the worst of all parameter arrays."""

    relative_error: float
    analytic_seconds: float
    numeric_seconds: float
    parameters: int


def check_gradient(
    model: Model,
    loss: Loss,
    regularizer: Regularizer,
    *,
    samples: int = 7,
    inputs: int = 6,
    classes: int = 4,
    step: float = 1e-5,
    seed: int = 0,
) -> GradientCheck:
    """Compare dL/dparameters by backpropagation and by (L(p + h) - L(p - h)) / 2h for every parameter.

    Args:
        model, loss, regularizer: the parts under test.
        samples, inputs, classes: the size of the random problem.
        step: h.
        seed: of the problem and of the parameters.
    """
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((samples, inputs)), rng.integers(classes, size=samples)
    layers = model.init(rng, inputs, classes)
    for layer in layers:  # off zero, where |w| has a kink and a bias a symmetry
        layer.W[...] = rng.choice([-1, 1], layer.W.shape) * rng.uniform(0.1, 1, layer.W.shape)
        layer.b[...] = rng.standard_normal(layer.b.shape)

    out = output_buffers(model.widths(inputs, classes), 1, samples, x.dtype)
    problem = _Problem(loss, regularizer, layers, x, y, out)
    started = time.perf_counter()
    analytic = problem.analytic()
    between = time.perf_counter()
    numeric = problem.numeric(step)
    ended = time.perf_counter()

    errors = [
        np.linalg.norm(a - n) / max(np.linalg.norm(a) + np.linalg.norm(n), np.finfo(float).tiny)
        for layer_pair in zip(analytic, numeric, strict=True)
        for a, n in zip(*layer_pair, strict=True)
    ]
    count = sum(array.size for layer in layers for array in layer)
    return GradientCheck(float(max(errors)), between - started, ended - between, count)


@dataclass(frozen=True)
class _Problem:
    """The whole loss on fixed samples as a function of the parameters ``layers``, whose gradient has their shapes."""

    loss: Loss
    regularizer: Regularizer
    layers: list[Layer]
    x: Array
    y: Array
    out: list[Array]

    def value(self) -> float:
        data = self.loss.value(forward(self.layers, self.x, self.out), self.y).mean()
        return float(data + sum(self.regularizer.value(layer.W) for layer in self.layers))

    def analytic(self) -> list[Layer]:
        gradients = self._zeros()
        scores = forward(self.layers, self.x, self.out)
        self.loss.value_and_grad(scores, self.y, np.array([float(len(self.x))]))
        backward(self.layers, self.x, self.out, scores, gradients)
        for layer, gradient in zip(self.layers, gradients, strict=True):
            self.regularizer.add_gradient(layer.W, gradient.W, np.empty_like(layer.W))
        return gradients

    def numeric(self, step: float) -> list[Layer]:
        gradients = self._zeros()
        for layer, gradient in zip(self.layers, gradients, strict=True):
            for parameters, slopes in zip(layer, gradient, strict=True):
                for i in np.ndindex(parameters.shape):
                    at = parameters[i]
                    parameters[i] = at + step
                    above = self.value()
                    parameters[i] = at - step
                    below = self.value()
                    parameters[i] = at
                    slopes[i] = (above - below) / (2 * step)
        return gradients

    def _zeros(self) -> list[Layer]:
        return [Layer(*map(np.zeros_like, layer)) for layer in self.layers]


def check_all() -> list[dict[str, object]]:
    """Check every model x loss x regularizer pair of lrlab; one row each, ``passed`` below TOLERANCE."""
    rows: list[dict[str, object]] = []
    for model, loss, regularizer in itertools.product(MODELS, LOSSES, REGULARIZERS):
        outcome = check_gradient(model, loss, regularizer)
        names = {"model": repr(model), "loss": repr(loss), "regularizer": repr(regularizer)}
        rows.append({**names, **asdict(outcome), "passed": outcome.relative_error < TOLERANCE})
    return rows
