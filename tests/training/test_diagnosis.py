import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lrlab.core.optimizer import SGD
from lrlab.core.schedule import Cosine, Schedule
from lrlab.data.digits import Digits
from lrlab.training.diagnosis import diagnose
from lrlab.training.experiment import Experiment, Member

T = np.arange(12)
COSINE = (1 + np.cos(np.pi * (T + 1) / 12)) / 2


def exponential(rate: float, spent: np.ndarray = T + 0.5) -> list[float]:
    """The loss falls from ln 10 to 0.2; ``spent`` is the learning rate used up so far."""
    return list(0.2 + (math.log(10) - 0.2) * np.exp(-rate * spent))


@pytest.mark.parametrize(
    ("losses", "verdict"),
    [
        (exponential(2), "good"),
        (exponential(0.7), "good"),
        (exponential(0.1), "too low"),
        (exponential(0.001), "too low"),
        ([2.3, 1.1, math.nan], "diverged"),
        ([2.3, 1.1, math.inf], "diverged"),
        ([2.3, 5.0, 40.0], "diverged"),
        ([1.5, 0.8, 1.2, 0.7, 1.1, 0.6, 1.2, 0.7], "too high"),
        ([18.0, 9.0, 6.0, 5.0, 4.0, 3.5], "too high"),
        ([18.0, 1.1, 0.6, 0.3, 0.2, 0.15], "good"),
        ([2.31, 2.30, 2.31, 2.30, 2.31, 2.30, 2.31], "too high"),
        ([1.0, 0.5], "cannot tell"),
        ([1.0], "cannot tell"),
        ([math.nan], "diverged"),
    ],
)
def test_curves_at_a_constant_learning_rate(losses: list[float], verdict: str) -> None:
    assert diagnose(losses, [0.1] * len(losses), classes=10) == verdict


def test_a_decay_does_not_hide_that_the_rate_was_too_low() -> None:
    """Under a cosine the end is flat: the loss falls with the learning rate spent, not with the epochs."""
    spent = np.cumsum((np.concatenate([[1], COSINE[:-1]]) + COSINE) / 2)
    slow = exponential(0.15, spent)
    assert slow[-3] - slow[-1] < 0.05 * (slow[0] - slow[-1])
    assert diagnose(slow, list(COSINE), classes=10) == "too low"
    assert diagnose(exponential(2, spent), list(COSINE), classes=10) == "good"


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_the_unit_of_the_learning_rate_does_not_matter(scale: float) -> None:
    for rate in (0.05, 0.2, 1):
        losses = exponential(rate)
        assert diagnose(losses, list(scale * COSINE), 10) == diagnose(losses, list(COSINE), 10)


@pytest.mark.parametrize(
    ("schedule", "too_high"),
    [
        (None, 100),  # jumps about to the end, on every machine
        (Cosine(), 1e38),  # overflows: at 100 the last bit decides whether the decay comes in time for it to settle
    ],
    ids=["constant", "cosine"],
)
def test_real_trainings_on_digits(
    experiment: Callable[..., Experiment], schedule: Schedule | None, too_high: float
) -> None:
    plain = experiment(data=Digits(), batch_size=32, epochs=10)
    plain = replace(plain, schedule=schedule) if schedule else plain
    dataset = plain.data.load()
    cohort = plain.method.new_population(plain, dataset, width=4, microbatch=32)
    members = [cohort.admit(replace(plain, optimizer=SGD(lr))) for lr in (3e-4, 3e-3, 0.3, too_high)]
    curves: dict[Member, tuple[list[float], list[float]]] = {member: ([], []) for member in members}
    for _ in range(plain.epochs):
        for event in cohort.train_epoch():
            curves[event.member][0].append(event.metrics["train/loss"])
            curves[event.member][1].append(event.metrics["lr"])
    verdicts = [diagnose(*curves[member], classes=10) for member in members]
    assert verdicts[:3] == ["too low", "too low", "good"]
    assert verdicts[3] in ("too high", "diverged")
