"""Every choice for every part of an experiment, and mixed companies of experiments made from them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from lrlab.core.loss import SoftmaxCrossEntropy
from lrlab.core.model import MLP, Linear, Model
from lrlab.core.optimizer import SGD, Adam, AdamW, Momentum, RMSprop
from lrlab.core.regularizer import L1, L2, ElasticNet, L1Proximal, NoRegularizer, Regularizer
from lrlab.core.schedule import Constant, Cosine, InverseSqrt, LinearDecay, Schedule, Step
from lrlab.training.experiment import Experiment

T = TypeVar("T")
MODELS: tuple[Model, ...] = (Linear(init_scale=0.1), MLP([9]), MLP([9, 7]))
LOSSES = (SoftmaxCrossEntropy(),)
REGULARIZERS: tuple[Regularizer, ...] = (
    NoRegularizer(),
    L1(strength=0.003),
    L2(strength=0.02),
    ElasticNet(strength=0.01, l1_ratio=0.3),
)
PROXIMAL = (L1Proximal(strength=0.05),)  # act after the step, not through a gradient
OPTIMIZERS: tuple[SGD | Momentum | RMSprop | Adam | AdamW, ...] = (
    SGD(lr=0.1),
    Momentum(lr=0.03, rho=0.8),
    Momentum(lr=0.02, nesterov=True),
    RMSprop(lr=0.003, beta=0.9),
    Adam(lr=0.01, beta1=0.8, beta2=0.99),
    AdamW(lr=0.01, weight_decay=0.2),
)
SCHEDULES: tuple[Schedule, ...] = (
    Constant(),
    Constant(warmup=0.2),
    Step(warmup=0.1, every=0.25, gamma=0.3),
    Cosine(warmup=0.3, floor=0.05),
    LinearDecay(),
    InverseSqrt(warmup=0.15, timescale=5),
)
BATCH_SIZES = (8, 16, 24, 32, 40, 64)


def mixed_experiments(plain: Experiment, size: int, seed: int) -> list[Experiment]:
    """Random experiments that can train in one population of microbatch 8."""
    rng = np.random.default_rng(seed)

    def any_of(choices: Sequence[T]) -> T:
        return choices[int(rng.integers(len(choices)))]

    return [
        replace(
            plain,
            regularizer=any_of(REGULARIZERS + PROXIMAL),
            optimizer=any_of(OPTIMIZERS),
            schedule=any_of(SCHEDULES),
            batch_size=any_of(BATCH_SIZES),
            epochs=int(rng.integers(2, 6)),
            seed=int(rng.integers(1000)),
        )
        for _ in range(size)
    ]
