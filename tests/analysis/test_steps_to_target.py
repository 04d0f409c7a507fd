import math

import pytest

from lrlab.analysis.runs import Run
from lrlab.analysis.steps_to_target import StepsToTarget, steps_to_target


def run(batch_size: int, losses: list[float], seed: int = 0, lr: float = 0.1, samples: int | None = 1000) -> Run:
    metrics = {"val/loss": list(enumerate(losses, start=1))}
    params = {"batch_size": batch_size, "optimizer.lr": lr, "seed": seed}
    return Run(0, "", params, metrics, samples, diverged=not all(map(math.isfinite, losses)))


def test_updates_until_the_loss_that_every_batch_size_reaches():
    """The target is 1.0, the best of batch size 100; batch size 50 passes it half way through its second epoch."""
    found = steps_to_target([run(50, [1.5, 0.5, 0.4]), run(100, [2.0, 1.0])])
    assert found == StepsToTarget(1.0, [50, 100], [1.5 * 20, 2 * 10], [0.0, 0.0])


def test_the_learning_rate_that_gets_there_first_with_every_seed():
    runs = [run(50, [1.0, 1.0], seed) for seed in (0, 1)]
    runs += [run(100, [0.9, 0.8], 0, lr=1.0), run(100, [math.inf, math.inf], 1, lr=1.0)]  # fast, but one seed diverges
    runs += [run(100, [2.0, 1.0], 0, lr=0.5), run(100, [2.0, 0.5], 1, lr=0.5)]
    found = steps_to_target(runs)
    assert found is not None
    assert found.target == 1.0
    assert found.updates[1] == pytest.approx((20 + 10 * (1 + 1 / 1.5)) / 2)
    assert found.spread[1] > 0


@pytest.mark.parametrize(
    "runs", [[run(50, [1.0])], [run(50, [1.0]), run(100, [math.nan])], [run(50, [1.0]), run(100, [1.0], samples=None)]]
)
def test_nothing_to_say(runs):
    assert steps_to_target(runs) is None


def test_what_larger_batches_buy_in_words():
    told = StepsToTarget(1.0, [8, 16, 32, 64, 128], [100, 50, 25, 18, 18], [0.0] * 5).describe()
    assert told == "perfect scaling from 8 to 32, diminishing returns from 32 to 64, flat from 64 to 128"
