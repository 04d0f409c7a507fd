"""A deliberately naive trainer: one model at a time, textbook formulas, float64, nothing from lrlab.

It reads an experiment by the names of its parts' classes and fields. How random numbers become initial
weights and an order of the samples is lrlab's convention; every formula is its own.
"""

from collections.abc import Callable
from dataclasses import asdict
from itertools import pairwise
from math import cos, pi, sqrt
from typing import Any

import numpy as np

Array = np.ndarray
Optimizer = Callable[[Array, Array, int, float], Array]  # (w, g, t from 1, factor on lr) -> the new w


def sgd(lr: float) -> Optimizer:
    return lambda w, g, t, factor: w - lr * factor * g


def momentum(lr: float, rho: float, nesterov: bool) -> Optimizer:
    v: Array | float = 0.0

    def update(w: Array, g: Array, t: int, factor: float) -> Array:
        nonlocal v
        v = rho * v + g
        return w - lr * factor * (g + rho * v if nesterov else v)

    return update


def rmsprop(lr: float, beta: float, eps: float) -> Optimizer:
    s: Array | float = 0.0

    def update(w: Array, g: Array, t: int, factor: float) -> Array:
        nonlocal s
        s = beta * s + (1 - beta) * g**2
        return w - lr * factor * g / (np.sqrt(s) + eps)

    return update


def adam(lr: float, beta1: float, beta2: float, eps: float, weight_decay: float = 0) -> Optimizer:
    m: Array | float = 0.0
    v: Array | float = 0.0

    def update(w: Array, g: Array, t: int, factor: float) -> Array:
        nonlocal m, v
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        return w - lr * factor * (m_hat / (np.sqrt(v_hat) + eps) + weight_decay * w)

    return update


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "SGD": sgd,
    "Momentum": momentum,
    "RMSprop": rmsprop,
    "Adam": adam,
    "AdamW": adam,
}

DECAYS: dict[str, Callable[..., float]] = {
    "Constant": lambda t, T: 1.0,
    "Step": lambda t, T, every, gamma: gamma ** (t // (every * T)),
    "Cosine": lambda t, T, floor: floor + 0.5 * (1 - floor) * (1 + cos(t * pi / T)),
    "LinearDecay": lambda t, T: 1 - t / T,
    "InverseSqrt": lambda t, T, timescale: sqrt(timescale / (timescale + t)),
}

PENALTY_GRADIENTS: dict[str, Callable[..., Array]] = {
    "NoRegularizer": lambda W, strength: 0 * W,
    "L1": lambda W, strength: strength * np.sign(W),
    "L1Proximal": lambda W, strength: 0 * W,
    "L2": lambda W, strength: strength * 2 * W,
    "ElasticNet": lambda W, strength, l1_ratio: strength * (l1_ratio * np.sign(W) + (1 - l1_ratio) * 2 * W),
}


def schedule(part: Any, t: int, T: int) -> float:
    fields = asdict(part)
    warmup = round(fields.pop("warmup") * T)
    return (t + 1) / (warmup + 1) if t < warmup else DECAYS[type(part).__name__](t - warmup, T - warmup, **fields)


def initial(model: object, seed: int, inputs: int, classes: int) -> list[Array]:
    """[W1, b1, W2, b2, ...]: Gaussian weights (out, in), biases 0."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))
    widths = [inputs, *getattr(model, "hidden", ()), classes]
    parameters = []
    for n, m in pairwise(widths):
        scale = getattr(model, "init_scale", sqrt(2 / n))
        parameters += [scale * rng.standard_normal((m, n)), np.zeros(m)]
    return parameters


def order_of(seed: int, epoch: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1, epoch)))


def forward(parameters: list[Array], x: Array) -> list[Array]:
    """The input of every layer, and the scores last."""
    values = [x]
    for i in range(0, len(parameters), 2):
        W, b = parameters[i : i + 2]
        s = values[-1] @ W.T + b
        values.append(s if i == len(parameters) - 2 else np.maximum(0, s))
    return values


def softmax(scores: Array) -> Array:
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def of_labels(values: Array, y: Array) -> Array:
    return values[np.arange(len(y)), y]


def losses(scores: Array, y: Array) -> Array:
    return -np.log(of_labels(softmax(scores), y))


def gradients(parameters: list[Array], values: list[Array], y: Array) -> list[Array]:
    """Of the mean loss, in the order of the parameters."""
    delta = (softmax(values[-1]) - np.eye(values[-1].shape[1])[y]) / len(y)
    result: list[Array] = []
    for i in reversed(range(0, len(parameters), 2)):
        h = values[i // 2]
        result = [delta.T @ h, delta.sum(axis=0), *result]
        delta = (delta @ parameters[i]) * (h > 0)
    return result


def norm(arrays: list[Array]) -> float:
    return sqrt(sum((a**2).sum() for a in arrays))


def gradient_noise(parameters: list[Array], x: Array, y: Array, microbatch: int) -> tuple[float, float]:
    """Unbiased |G|² and tr(Σ) (McCandlish et al. 2018, appendix A.1) from a batch and its microbatches."""
    b, B = microbatch, len(y)
    squares = []
    for i in range(0, B, b):
        part = gradients(parameters, forward(parameters, x[i : i + b]), y[i : i + b])
        squares.append(norm(part) ** 2)
    small, large = float(np.mean(squares)), norm(gradients(parameters, forward(parameters, x), y)) ** 2
    return (B * large - b * small) / (B - b), (small - large) / (1 / b - 1 / B)


def train(experiment: Any, dataset: Any, order_seed: int, first_epoch: int, microbatch: int) -> list[dict[str, float]]:
    """The metrics of every epoch."""
    e, x, y = experiment, dataset.x.astype(np.float64), dataset.y
    N, B = len(dataset.train), e.batch_size
    N -= N % B if e.drop_last else 0
    an_epoch = -(-N // B)
    T = e.updates or e.epochs * an_epoch
    t = 0
    parameters = initial(e.model, e.seed, x.shape[1], len(dataset.classes))
    optimizers = [OPTIMIZERS[type(e.optimizer).__name__](**asdict(e.optimizer)) for _ in parameters]
    penalty_gradient = PENALTY_GRADIENTS[type(e.regularizer).__name__]
    curve = []
    for epoch in range(first_epoch, first_epoch + -(-T // an_epoch)):
        order = order_of(order_seed, epoch).permutation(dataset.train)[:N]
        loss = right = 0.0
        noise = []
        starts = range(0, N, B)[: T - t]
        for i in starts:
            batch = order[i : i + B]
            values = forward(parameters, x[batch])
            loss += losses(values[-1], y[batch]).sum()
            right += (values[-1].argmax(axis=1) == y[batch]).sum()
            grads = gradients(parameters, values, y[batch])
            if i // B % 32 == 0 and len(batch) == B > microbatch:
                noise.append(gradient_noise(parameters, x[batch], y[batch], microbatch))
            for j in range(0, len(grads), 2):  # the weights, not the biases
                grads[j] = grads[j] + penalty_gradient(parameters[j], **asdict(e.regularizer))
            factor = schedule(e.schedule, t, T)
            t += 1
            before = parameters
            parameters = [update(w, g, t, factor) for update, w, g in zip(optimizers, before, grads, strict=True)]
            if type(e.regularizer).__name__ == "L1Proximal":
                threshold = e.optimizer.lr * factor * e.regularizer.strength
                for j in range(0, len(parameters), 2):
                    W = parameters[j]
                    parameters[j] = np.sign(W) * np.maximum(0, np.abs(W) - threshold)
        scores = forward(parameters, x[dataset.validation])[-1]
        labels = y[dataset.validation]
        curve.append(
            {
                "train/loss": loss / min(N, len(starts) * B),
                "train/accuracy": right / min(N, len(starts) * B),
                "val/loss": losses(scores, labels).mean(),
                "val/accuracy": (scores.argmax(axis=1) == labels).mean(),
                "updates": t,
                "lr": e.optimizer.lr * factor,
                "gradient_norm": norm(grads),
                "weight_norm": norm(parameters),
                "update_ratio": norm([w - old for w, old in zip(parameters, before, strict=True)]) / norm(before),
            }
        )
        if noise:
            signal, trace = np.mean(noise, axis=0)
            curve[-1] |= {"gradient_signal": signal, "gradient_noise": trace}
            if signal > 0:
                curve[-1]["noise_scale"] = trace / signal
    return curve
