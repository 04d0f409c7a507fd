"""The gradient check: backpropagation against centred differences, in float64 (CS231n, gradient checks)."""

import itertools
import time
from dataclasses import asdict, dataclass

import numpy as np

from lrlab.core.loss import Loss, SoftmaxCrossEntropy
from lrlab.core.model import MLP, Layer, Linear, Model, backward, forward, output_buffers, zeros
from lrlab.core.regularizer import L1, L2, ElasticNet, NoRegularizer, Regularizer

Array = np.ndarray

MODELS: tuple[Model, ...] = Linear(), MLP((5,)), MLP((5, 4))
LOSSES: tuple[Loss, ...] = (SoftmaxCrossEntropy(),)
REGULARIZERS: tuple[Regularizer, ...] = NoRegularizer(), L2(0.1), L1(0.1), ElasticNet(0.1, 0.3)
TOLERANCE = 1e-6


@dataclass(frozen=True)
class GradientCheck:
    """Outcome of one check; the errors are ||a - n|| / (||a|| + ||n||), the worst of all parameter arrays."""

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

    started = time.perf_counter()
    analytic = _analytic(model, loss, regularizer, layers, x, y, classes)
    between = time.perf_counter()
    numeric = _numeric(model, loss, regularizer, layers, x, y, classes, step)
    ended = time.perf_counter()

    errors = [
        np.linalg.norm(a - n) / max(np.linalg.norm(a) + np.linalg.norm(n), np.finfo(float).tiny)
        for one, other in zip(analytic, numeric, strict=True)
        for a, n in zip(one, other, strict=True)
    ]
    count = sum(array.size for layer in layers for array in layer)
    return GradientCheck(float(max(errors)), between - started, ended - between, count)


def _analytic(
    model: Model,
    loss: Loss,
    regularizer: Regularizer,
    layers: list[Layer],
    x: Array,
    y: Array,
    classes: int,
) -> list[Layer]:
    widths = model.widths(x.shape[1], classes)
    out = output_buffers(widths, 1, len(x), x.dtype)
    gradients = zeros(widths, 1, x.dtype)
    scores = forward(layers, x, out)
    loss.value_and_grad(scores, y, np.array([float(len(x))]))
    backward(layers, x, out, scores, gradients)
    for layer, gradient in zip(layers, gradients, strict=True):
        regularizer.add_gradient(layer.W, gradient.W, np.empty_like(layer.W))
    return gradients


def _numeric(
    model: Model,
    loss: Loss,
    regularizer: Regularizer,
    layers: list[Layer],
    x: Array,
    y: Array,
    classes: int,
    step: float,
) -> list[Layer]:
    out = output_buffers(model.widths(x.shape[1], classes), 1, len(x), x.dtype)

    def whole_loss() -> float:
        data = loss.value(forward(layers, x, out), y).mean()
        return float(data + sum(regularizer.value(layer.W) for layer in layers))

    gradients = [Layer(np.empty_like(layer.W), np.empty_like(layer.b)) for layer in layers]
    for layer, gradient in zip(layers, gradients, strict=True):
        for parameters, slopes in zip(layer, gradient, strict=True):
            for i in np.ndindex(parameters.shape):
                at = parameters[i]
                parameters[i] = at + step
                above = whole_loss()
                parameters[i] = at - step
                below = whole_loss()
                parameters[i] = at
                slopes[i] = (above - below) / (2 * step)
    return gradients


def check_all() -> list[dict[str, object]]:
    """Check every model x loss x regularizer pair of lrlab; one row each, ``passed`` below TOLERANCE."""
    rows: list[dict[str, object]] = []
    for model, loss, regularizer in itertools.product(MODELS, LOSSES, REGULARIZERS):
        outcome = check_gradient(model, loss, regularizer)
        names = {"model": repr(model), "loss": repr(loss), "regularizer": repr(regularizer)}
        rows.append({**names, **asdict(outcome), "passed": outcome.relative_error < TOLERANCE})
    return rows
