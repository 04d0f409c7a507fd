from collections.abc import Callable
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from lrlab.core.model import MLP, Linear, Model
from lrlab.core.optimizer import SGD, Momentum
from lrlab.data.dataset import Dataset
from lrlab.training.evaluation import EVALUATION_BATCH
from lrlab.training.experiment import EpochResult, Experiment, Member
from lrlab.training.member import StackedMember
from lrlab.training.population import (
    EFFICIENT_WEIGHTS,
    MAX_MICROBATCH,
    MAX_WIDTH,
    MIN_WIDTH,
    StackedPopulation,
    max_width,
    microbatch_for,
    microbatches,
    search_width,
)
from tests import mixed_experiments

Curve = list[dict[str, float]]
MODELS: list[Model] = [Linear(), MLP([24, 12])]


def new(dataset: Dataset, model: Model, *, width: int = 8, first_epoch: int = 0, seed: int = 3) -> StackedPopulation:
    loss = mixed_experiments.LOSSES[0]
    return StackedPopulation(dataset, model, loss, width=width, microbatch=8, seed=seed, first_epoch=first_epoch)


def train(population: StackedPopulation, members: list[StackedMember], epochs: int) -> list[Curve]:
    curves: dict[Member, Curve] = {member: [] for member in population.members}
    for _ in range(epochs):
        for result in population.train_epoch():
            curves[result.member].append(result.metrics)
    return [curves[member] for member in members]


def assert_same_weights(one: StackedMember, other: StackedMember) -> None:
    for a, b in zip(one.weights().values(), other.weights().values(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize("width", [1, 2, 7, 32])
@pytest.mark.parametrize("seed", range(3))
def test_replay_alone_is_identical_to_the_bit(
    dataset: Dataset, experiment: Callable[..., Experiment], model: Model, width: int, seed: int
) -> None:
    """A random population in which every third slot is empty. One member is replayed, and so is its successor."""
    *companions, late = mixed_experiments.mixed_experiments(experiment(model=model), width + 1, seed)
    population = new(dataset, model, width=width)
    members = [population.admit(e, slot) for slot, e in enumerate(companions) if slot % 3 != 2]
    chosen = members[seed % len(members)]
    for _ in range(2):
        (curve,) = train(population, [chosen], 2)
        alone = new(dataset, model, width=width, first_epoch=chosen.first_epoch)
        again = alone.admit(chosen.experiment, chosen.slot)
        assert train(alone, [again], 2) == [curve]
        assert_same_weights(again, chosen)
        population.release(chosen)
        chosen = population.admit(late, chosen.slot)
    assert chosen.first_epoch == 4


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_exactly_so_many_updates_beside_members_that_go_on(
    dataset: Dataset, experiment: Callable[..., Experiment], model: Model
) -> None:
    """Each is measured at its own end, and alone does to the bit what it does beside the others."""
    population = new(dataset, model)
    members = [
        population.admit(experiment(model=model, batch_size=size, updates=updates))
        for size, updates in ((8, 29), (16, 29), (64, 3))
    ]
    curves: dict[Member, list[EpochResult]] = {member: [] for member in members}
    for left in (3, 2, 1):  # 26, 13 and 4 updates in an epoch
        assert [member.finished for member in members].count(False) == left
        for result in population.train_epoch():
            curves[result.member].append(result)
    assert population.train_epoch() == []
    for member, updates in zip(members, ([26, 29], [13, 26, 29], [3]), strict=True):
        assert [result.metrics["updates"] for result in curves[member]] == updates
        alone = new(dataset, model)
        again = alone.admit(member.experiment, member.slot)
        assert train(alone, [again], len(updates)) == [[result.metrics for result in curves[member]]]
        assert_same_weights(again, member)
        assert alone.train_epoch() == []


def test_the_means_of_a_partial_pass_are_of_what_was_trained_on(
    dataset: Dataset, experiment: Callable[..., Experiment]
) -> None:
    """The parameters before the only update are zero: the loss of each of its samples is ln 5."""
    population = new(dataset, Linear(init_scale=0))
    stops, goes_on = population.admit(experiment(updates=1)), population.admit(experiment(optimizer=SGD(lr=1e3)))
    metrics = {result.member: result.metrics for result in population.train_epoch()}
    assert metrics[stops]["train/loss"] == pytest.approx(np.log(5), rel=1e-6)
    assert metrics[goes_on]["train/loss"] > 10
    order = np.random.default_rng([3, 0]).permutation(dataset.train)[:16]
    assert metrics[stops]["train/accuracy"] == np.mean(dataset.y[order] == 0)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_curve_inside_epochs(dataset: Dataset, experiment: Callable[..., Experiment], model: Model) -> None:
    """The untrained model first, the end last; measuring changes nothing, and alone the same is measured."""
    experiments = [
        experiment(model=model, batch_size=size, updates=updates, seed=size, evaluate="log")
        for size, updates in ((8, 29), (16, 29), (64, 6))
    ]
    population, unmeasured = new(dataset, model), new(dataset, model)
    members = [population.admit(each) for each in experiments]
    plain = [unmeasured.admit(replace(each, evaluate="epoch")) for each in experiments]
    curves: dict[Member, list[tuple[int, float]]] = {member: [] for member in members}
    for _ in range(3):
        results, expected = population.train_epoch(), unmeasured.train_epoch()
        assert [each.metrics for each in results] == [each.metrics for each in expected]
        assert not any(each.curve for each in expected)
        for result in results:
            curves[result.member] += result.curve
    assert all(member.finished for member in plain)
    ends = ([0, 1, 2, 3, 4, 6, 8, 11, 16, 23, 29],) * 2 + ([0, 1, 2, 3, 4, 6],)
    for member, counts in zip(members, ends, strict=True):
        assert [updates for updates, _ in curves[member]] == counts
        shorter = (replace(member.experiment, updates=updates, evaluate="epoch") for updates in counts[1:])
        losses = [last_loss(dataset, model, each, member.slot) for each in shorter]
        assert [loss for _, loss in curves[member][1:]] == losses
        untrained = new(dataset, model).admit(member.experiment, member.slot)
        assert curves[member][0][1] == pytest.approx(loss_of(untrained.weights(), dataset), rel=1e-5)


def last_loss(dataset: Dataset, model: Model, wanted: Experiment, slot: int) -> float:
    """The validation loss at the end of a member that is trained alone, with a constant learning rate."""
    population = new(dataset, model)
    member = population.admit(wanted, slot)
    while not member.finished:
        (result,) = population.train_epoch()
    return result.metrics["val/loss"]


def loss_of(weights: dict[str, np.ndarray], dataset: Dataset) -> float:
    """The validation loss of some weights, in float64."""
    values = dataset.x[dataset.validation].astype(np.float64)
    for i in range(1, len(weights) // 2 + 1):
        values = (np.maximum(values, 0) if i > 1 else values) @ weights[f"W{i}"].T + weights[f"b{i}"]
    labels = dataset.y[dataset.validation]
    log_p = values - np.log(np.exp(values).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(labels)), labels].mean())


@pytest.mark.parametrize("model", MODELS, ids=str)
@pytest.mark.parametrize("lr", [1e6, 1e30, float(np.finfo(np.float64).max)])
def test_a_diverging_member_changes_nothing_in_the_others(
    dataset: Dataset, experiment: Callable[..., Experiment], model: Model, lr: float
) -> None:
    experiments = mixed_experiments.mixed_experiments(experiment(model=model), 8, seed=0)
    quiet, noisy = new(dataset, model), new(dataset, model)
    undisturbed = [quiet.admit(e) for e in experiments]
    disturbed = [noisy.admit(e) for e in experiments[:4]]
    diverging = noisy.admit(replace(experiments[4], optimizer=SGD(lr=lr)))
    disturbed += [noisy.admit(e) for e in experiments[5:]]
    del undisturbed[4]

    expected = train(quiet, undisturbed, 4)
    *curves, diverged = train(noisy, [*disturbed, diverging], 4)
    assert curves == expected
    for one, other in zip(disturbed, undisturbed, strict=True):
        assert_same_weights(one, other)
    assert diverged[-1]["val/loss"] > 1e3 or np.isnan(diverged[-1]["val/loss"])


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_released_member_leaves_its_slot_at_zero(
    dataset: Dataset, experiment: Callable[..., Experiment], model: Model
) -> None:
    """Not even NaN in weights, gradients and moments."""
    diverging, newcomer, *others = mixed_experiments.mixed_experiments(experiment(model=model), 5, seed=1)
    used = new(dataset, model, width=4)
    gone = used.admit(replace(diverging, optimizer=Momentum(lr=1e300), batch_size=64), slot=2)
    for e in others:
        used.admit(e)
    assert [result.diverged for result in used.train_epoch()] == [False, False, True, False]
    assert np.isnan(gone.weights()["W1"]).any()
    used.release(gone)
    successor = used.admit(newcomer)

    fresh = new(dataset, model, width=4, first_epoch=1)
    alike = fresh.admit(newcomer, slot=2)
    assert train(used, [successor], 3) == train(fresh, [alike], 3)
    assert_same_weights(successor, alike)


def test_an_epoch_s_metrics(dataset: Dataset, experiment: Callable[..., Experiment]) -> None:
    population = new(dataset, Linear())
    member = population.admit(experiment(epochs=2))
    first, second = (population.train_epoch()[0] for _ in range(2))
    assert isinstance(first, EpochResult)
    assert (first.member, first.epoch, second.epoch) == (member, 1, 2)
    assert list(first.metrics) == [
        "val/loss",
        "val/accuracy",
        "train/loss",
        "train/accuracy",
        "updates",
        "lr",
        "gradient_norm",
        "weight_norm",
        "update_ratio",
        "gradient_signal",
        "gradient_noise",
        "noise_scale",
    ]
    assert all(type(value) is float for value in first.metrics.values())
    assert not first.diverged
    assert member.finished
    assert second.metrics["train/loss"] < first.metrics["train/loss"] < np.log(5)
    assert second.metrics["val/accuracy"] > 0.3 > 1 / 5


def test_validation_and_test_see_all_their_samples_and_no_others(
    dataset: Dataset, experiment: Callable[..., Experiment]
) -> None:
    """Only the samples that are measured count: the others' images are spoiled."""
    assert len(dataset.validation) > EVALUATION_BATCH
    x = np.full_like(dataset.x, np.nan)
    learned = np.concatenate([dataset.train, dataset.validation])
    x[learned] = dataset.x[learned]
    population = new(replace(dataset, x=x, x_test=np.full_like(dataset.x_test, np.nan)), Linear())
    member = population.admit(experiment())
    metrics = population.train_epoch()[0].metrics

    def measure(images: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
        scores = images @ member.weights()["W1"].T + member.weights()["b1"]
        probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        losses = -np.log(probabilities[np.arange(len(labels)), labels])
        return losses.mean(), (scores.argmax(axis=1) == labels).mean()

    expected = measure(dataset.x[dataset.validation], dataset.y[dataset.validation])
    assert (metrics["val/loss"], metrics["val/accuracy"]) == pytest.approx(expected, rel=1e-5)

    population.dataset = dataset
    expected = measure(dataset.x_test, dataset.y_test)
    test = population.test(member)
    assert (test["test/loss"], test["test/accuracy"]) == pytest.approx(expected, rel=1e-5)


def test_slots(dataset: Dataset, experiment: Callable[..., Experiment]) -> None:
    population = new(dataset, Linear(), width=3)
    assert (population.free_slots, population.members, population.train_epoch()) == (3, [], [])
    a, c = population.admit(experiment()), population.admit(experiment(), slot=2)
    assert (a.slot, c.slot, a.first_epoch, population.free_slots) == (0, 2, 1, 1)
    b = population.admit(experiment())
    assert (b.slot, population.free_slots, population.members) == (1, 0, [a, b, c])
    population.release(b)
    assert (population.free_slots, population.members) == (1, [a, c])
    assert not any(array.any() for array in b.weights().values())
    assert [result.member for result in population.train_epoch()] == [a, c]


def test_a_batch_size_that_is_no_multiple_of_the_microbatch(
    dataset: Dataset, experiment: Callable[..., Experiment]
) -> None:
    with pytest.raises(ValueError, match="batch size 12 is no multiple of 8"):
        new(dataset, Linear()).admit(experiment(batch_size=12))


def test_the_order_of_the_samples_changes_with_the_epoch_and_the_seed(
    dataset: Dataset, experiment: Callable[..., Experiment]
) -> None:
    def first_loss(**place: int) -> float:
        population = new(dataset, Linear(), **place)
        population.admit(experiment())
        return population.train_epoch()[0].metrics["train/loss"]

    losses = [first_loss(seed=seed, first_epoch=epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len(set(losses)) == 4
    assert first_loss(seed=1, first_epoch=1) == losses[3]


@pytest.mark.parametrize(
    ("batch_sizes", "microbatch"),
    [
        ([64], 64),
        ([8, 64], 8),
        ([32, 128, 1024], 32),
        ([24, 36], 12),
        ([7, 9], 1),
        ([MAX_MICROBATCH], MAX_MICROBATCH),
        ([2 * MAX_MICROBATCH, 4 * MAX_MICROBATCH], MAX_MICROBATCH),
        ([3 * MAX_MICROBATCH // 2], MAX_MICROBATCH * 3 // 4),
        ([45000], 1000),
        ([1031], 1031),
        ([1031, 2062], 1031),
    ],
)
def test_microbatch(batch_sizes: list[int], microbatch: int) -> None:
    assert microbatch_for(batch_sizes) == microbatch


@pytest.mark.parametrize(
    ("batch_sizes", "shared"),
    [
        ([100], [(100, 100)]),
        ([512, 64, 256, 128, 1024], [(64, 64), (512, 512)]),
        ([16, 32, 64, 128, 256, 512, 1024, 2048], [(16, 16), (128, 128), (1024, 1024)]),
        ([32, 32, 1024], [(32, 32), (1024, 1024)]),
    ],
)
def test_batch_sizes_not_far_apart_share_a_microbatch(batch_sizes: list[int], shared: list[tuple[int, int]]) -> None:
    assert microbatches(batch_sizes) == shared


def test_small_members_are_many_and_large_ones_few(dataset: Dataset) -> None:
    float32, float64 = np.dtype(np.float32), np.dtype(np.float64)
    assert max_width(Linear(), dataset, float32) == MAX_WIDTH
    between = MLP([10_000])  # some 10,000 parameters for each input and class
    assert MIN_WIDTH <= max_width(between, dataset, float64) <= max_width(between, dataset, float32) < MAX_WIDTH
    assert max_width(MLP([100_000]), dataset, float32) == MIN_WIDTH


def test_a_search_has_as_many_members_as_fill_a_multiply(dataset: Dataset) -> None:
    weights = dataset.x.shape[1] + len(dataset.classes)  # for each hidden unit
    assert search_width(Linear(), dataset) == MIN_WIDTH
    assert search_width(MLP([EFFICIENT_WEIGHTS // weights // 4]), dataset) == 5  # four are a little less than enough
    assert search_width(MLP([EFFICIENT_WEIGHTS]), dataset) == 1


def test_learns_what_can_be_learned(dataset: Dataset, experiment: Callable[..., Experiment]) -> None:
    """Noiseless classes are told apart by every model and optimizer within a few epochs."""
    x = np.eye(5, dataset.x.shape[1], dtype=np.float32)[dataset.y]
    for model in MODELS:
        population = new(replace(dataset, x=x), model)
        for optimizer, seed in zip(mixed_experiments.OPTIMIZERS, count()):
            faster = replace(optimizer, lr=10 * optimizer.lr)
            population.admit(experiment(model=model, optimizer=faster, seed=seed, epochs=10))
        *_, last = (population.train_epoch() for _ in range(10))
        assert [result.metrics["val/accuracy"] for result in last] == [1] * len(mixed_experiments.OPTIMIZERS)
