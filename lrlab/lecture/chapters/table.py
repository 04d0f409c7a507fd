"""The table of the lecture: its chapters, in its order, and what measures each."""

from collections.abc import Callable
from typing import NamedTuple

from lrlab.lecture.chapters import (
    adam,
    gradient_noise,
    gradients,
    learning_rate,
    linear,
    loss,
    momentum,
    neighbours,
    network,
    newton,
    random_search,
    recommended,
    regularization,
    scaling,
    schedules,
    test_functions,
)
from lrlab.lecture.claims import ChapterResult
from lrlab.lecture.trainer import ChapterTrainer


class Chapter(NamedTuple):
    """A part of the lecture: its number there, a title, and what measures its claims."""

    number: str
    title: str
    measure: Callable[[ChapterTrainer], ChapterResult]


CHAPTERS = (
    Chapter("1.3", "Nearest neighbours", neighbours.measure),
    Chapter("1.4", "The linear classifier", linear.measure),
    Chapter("2.2", "Softmax cross-entropy", loss.measure),
    Chapter("3", "Regularization", regularization.measure),
    Chapter("4.3", "Random search", random_search.measure),
    Chapter("5.2 to 5.4", "Gradients, full batch and mini-batch", gradients.measure),
    Chapter("5.5 to 5.8", "Valleys, saddles, local minima", test_functions.measure),
    Chapter("5.5", "Gradient noise", gradient_noise.measure),
    Chapter("5.6", "The two forms of momentum", momentum.measure),
    Chapter("5.8, 5.9", "Adam and AdamW", adam.measure),
    Chapter("6.1", "Learning rates too high, too low, right", learning_rate.measure),
    Chapter("6.2, 6.3", "Schedules and warmup", schedules.measure),
    Chapter("6.4", "The linear scaling rule", scaling.measure),
    Chapter("7.2", "The recommended configuration", recommended.measure),
    Chapter("7.3", "Newton's method", newton.measure),
    Chapter("7.4", "A two-layer network", network.measure),
)
