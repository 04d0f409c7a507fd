from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from lrlab.core.model import MLP, Layer
from lrlab.core.optimizer import SGD
from lrlab.core.regularizer import L2
from lrlab.core.schedule import LinearDecay
from lrlab.training.experiment import Experiment
from lrlab.training.member import StackedMember
from lrlab.training.parameter import parameters

SAMPLES = 20
MICROBATCH = 4


def stack(fill: float = 0.0) -> list[Layer]:
    """One layer of three members: W (3, 2, 4), b (3, 2)."""
    return [Layer(np.full((3, 2, 4), float(fill)), np.full((3, 2), float(fill)))]


@dataclass
class Bench:
    """A member in the middle slot, and the gradients it is fed."""

    experiment: Experiment
    layers: list[Layer] = field(default_factory=lambda: stack(1))
    gradients: list[Layer] = field(default_factory=stack)

    def __post_init__(self) -> None:
        self.member = StackedMember(self.experiment, 1, 0, SAMPLES, parameters(self.layers, self.gradients))

    def feed(self, *values: float) -> None:
        """One epoch: a constant gradient for every microbatch."""
        for i, value in enumerate(values):
            self.microbatch(value, i * MICROBATCH, min((i + 1) * MICROBATCH, SAMPLES))
        self.member.epoch += 1

    def microbatch(self, value: float, before: int, seen: int) -> bool:
        """Add a constant gradient, and update if the batch is complete."""
        for gradient in self.gradients[0]:
            gradient *= before % self.experiment.batch_size > 0
            gradient += value
        if is_due := self.member.accumulate(seen, seen - before):
            self.member.update()
        return is_due


@pytest.mark.parametrize(
    ("batch_size", "updates", "last_gradient"),
    [(4, 5, 16), (8, 3, 16), (12, 2, 8 + 16), (20, 1, 1 + 2 + 4 + 8 + 16)],
)
def test_a_batch_is_the_sum_of_its_microbatches(
    experiment: Callable[..., Experiment], batch_size: int, updates: int, last_gradient: float
) -> None:
    bench = Bench(experiment(batch_size=batch_size, optimizer=SGD(lr=0.5)))
    bench.feed(1, 2, 4, 8, 16)
    assert bench.member.t == updates
    np.testing.assert_array_equal(bench.layers[0].W[1], 1 - 0.5 * 31)
    np.testing.assert_array_equal(bench.layers[0].b[1], 1 - 0.5 * 31)
    assert bench.member.metrics["gradient_norm"] == pytest.approx(last_gradient * np.sqrt(10))


def test_only_its_own_slot_changes(experiment: Callable[..., Experiment]) -> None:
    bench = Bench(experiment(batch_size=4))
    bench.feed(1, 1, 1, 1, 1)
    for array in bench.layers[0]:
        np.testing.assert_array_equal(array[[0, 2]], 1)
        assert np.all(array[1] != 1)


def test_biases_are_not_regularized(experiment: Callable[..., Experiment]) -> None:
    bench = Bench(experiment(batch_size=20, optimizer=SGD(lr=0.5), regularizer=L2(strength=0.1)))
    bench.feed(0, 0, 0, 0, 0)
    np.testing.assert_allclose(bench.layers[0].W[1], 1 - 0.5 * 0.2)
    np.testing.assert_array_equal(bench.layers[0].b[1], 1)


def test_metrics_are_those_of_the_last_update(experiment: Callable[..., Experiment]) -> None:
    bench = Bench(experiment(batch_size=8, epochs=2, optimizer=SGD(lr=0.6), schedule=LinearDecay()))
    assert bench.member.metrics == {}
    bench.feed(1, 1, 0, 0, 3)  # three updates of six: 0.6 * 2, 0.5 * 0, 0.4 * 3
    assert bench.member.metrics == pytest.approx(
        {
            "lr": 0.4,
            "gradient_norm": 3 * np.sqrt(10),
            "weight_norm": 1.4 * np.sqrt(10),  # 1 - 1.2 - 1.2
            "update_ratio": 1.2 / 0.2,
            "gradient_signal": 40,  # both microbatches of the first batch have mean gradients of norm² 40
            "gradient_noise": 0,
            "noise_scale": 0,
        }
    )


def test_the_ratio_to_weights_of_zero_is_a_number(experiment: Callable[..., Experiment]) -> None:
    bench = Bench(experiment(batch_size=20), layers=stack(0))
    bench.feed(1, 1, 1, 1, 1)
    assert np.isfinite(bench.member.metrics["update_ratio"])


def test_finishes_after_its_epochs(experiment: Callable[..., Experiment]) -> None:
    bench = Bench(experiment(batch_size=20, epochs=2))
    for finished in (False, True):
        bench.feed(0, 0, 0, 0, 0)
        assert bench.member.finished is finished


def test_stops_inside_a_pass_when_its_updates_are_made(experiment: Callable[..., Experiment]) -> None:
    """Two of the pass's three updates; the schedule decays over these two."""
    bench = Bench(experiment(batch_size=8, updates=2, optimizer=SGD(lr=0.6), schedule=LinearDecay()))
    for seen, finished in ((4, False), (8, False), (12, False), (16, True)):
        assert bench.microbatch(1, seen - 4, seen) is (seen in (8, 16))
        assert bench.member.finished is finished
    assert bench.member.t == 2
    assert bench.member.metrics["lr"] == pytest.approx(0.3)
    np.testing.assert_allclose(bench.layers[0].W[1], 1 - 0.6 * 2 - 0.3 * 2)


@pytest.mark.parametrize(("evaluate", "due"), [("epoch", []), ("log", [0, 1, 2, 3, 4, 6, 8, 10])])
def test_when_it_is_measured(experiment: Callable[..., Experiment], evaluate: str, due: list[int]) -> None:
    bench = Bench(experiment(batch_size=4, epochs=2, evaluate=evaluate))
    found = []
    for _ in range(11):
        if bench.member.is_due:
            found.append(bench.member.t)
        bench.microbatch(0, 0, MICROBATCH * (bench.member.t % 5 + 1))
    assert found == due


def test_weights_are_named_copies(experiment: Callable[..., Experiment]) -> None:
    model = MLP([3])
    layers = [Layer(np.ones((2, 3, 4)), np.ones((2, 3))), Layer(np.ones((2, 5, 3)), np.ones((2, 5)))]
    member = StackedMember(experiment(model=model), 0, 0, SAMPLES, parameters(layers, layers))
    weights = member.weights()
    assert {name: array.shape for name, array in weights.items()} == {
        "W1": (3, 4),
        "b1": (3,),
        "W2": (5, 3),
        "b2": (5,),
    }
    weights["W1"][:] = 7
    assert np.all(layers[0].W == 1)
