"""In any population, a member's curve is the one of a naive trainer that has only this model."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from lrlab.core.model import MLP, Linear, Model
from lrlab.data.dataset import Dataset
from lrlab.training.experiment import Experiment, Member
from lrlab.training.member import BLOCK
from lrlab.training.population import StackedPopulation
from tests import mixed_experiments
from tests.parity import naive

CONF = Path(__file__).parents[2] / "conf"


@pytest.mark.parametrize("model", mixed_experiments.MODELS, ids=str)
def test_a_full_population_trains_like_a_naive_loop(
    model: Model, dataset: Dataset, experiment: Callable[..., Experiment]
) -> None:
    experiments = mixed_experiments.mixed_experiments(experiment(model=model, dtype="float64"), size=44, seed=1)
    for part in ("optimizer", "schedule", "regularizer", "batch_size"):
        assert len({getattr(e, part) for e in experiments}) >= 4  # mixed indeed
    curves = train(
        StackedPopulation(dataset, model, experiments[0].loss, width=32, microbatch=8, dtype="float64"), experiments
    )

    assert len(curves) == len(experiments)
    assert {member.first_epoch for member in curves} >= {0, 2, 3}  # some joined later
    for member, curve in curves.items():
        expected = naive.train(member.experiment, dataset, order_seed=0, first_epoch=member.first_epoch, microbatch=8)
        assert_same_curve(curve, expected)


def test_arrays_that_are_updated_in_several_blocks(dataset: Dataset, experiment: Callable[..., Experiment]) -> None:
    model = MLP([BLOCK // 32])
    assert dataset.x.shape[1] * model.hidden[0] > BLOCK
    experiments = mixed_experiments.mixed_experiments(experiment(model=model, dtype="float64"), size=3, seed=2)
    population = StackedPopulation(
        dataset, model, experiments[0].loss, width=3, microbatch=8, seed=5, dtype="float64", first_epoch=7
    )
    for member, curve in train(population, experiments).items():
        expected = naive.train(member.experiment, dataset, order_seed=5, first_epoch=7, microbatch=8)
        assert_same_curve(curve, expected)


@pytest.mark.parametrize("updates", [None, 20])
def test_a_last_batch_that_would_be_smaller_is_dropped(
    dataset: Dataset, experiment: Callable[..., Experiment], updates: int | None
) -> None:
    """Of members with batches of different sizes, beside one that keeps it."""
    experiments = mixed_experiments.mixed_experiments(experiment(dtype="float64"), size=7, seed=3)
    experiments = [replace(each, drop_last=True, updates=updates) for each in experiments[:6]] + experiments[6:]
    population = StackedPopulation(dataset, Linear(), experiments[0].loss, width=4, microbatch=8, dtype="float64")
    for member, curve in train(population, experiments).items():
        expected = naive.train(member.experiment, dataset, order_seed=0, first_epoch=member.first_epoch, microbatch=8)
        assert_same_curve(curve, expected)


@pytest.mark.parametrize("updates", [1, 26, 27, 70])
def test_exactly_as_many_updates_as_asked_for(
    dataset: Dataset, experiment: Callable[..., Experiment], updates: int
) -> None:
    """Members whose last pass is a part of one, each of another length, beside one that trains whole epochs."""
    experiments = mixed_experiments.mixed_experiments(experiment(dtype="float64"), size=7, seed=3)
    experiments = [replace(each, updates=updates) for each in experiments[:6]] + experiments[6:]
    population = StackedPopulation(dataset, Linear(), experiments[0].loss, width=4, microbatch=8, dtype="float64")
    for member, curve in train(population, experiments).items():
        expected = naive.train(member.experiment, dataset, order_seed=0, first_epoch=member.first_epoch, microbatch=8)
        assert_same_curve(curve, expected)
        assert curve[-1]["updates"] == member.experiment.total_updates(len(dataset.train))


@pytest.mark.parametrize("batch_size", [4, 16, 203, 202])
def test_the_noise_of_a_batch_of_one_microbatch(
    dataset: Dataset, experiment: Callable[..., Experiment], batch_size: int
) -> None:
    """Alone, it is halved where it is measured; an odd one cannot be."""
    wanted = experiment(dtype="float64", batch_size=batch_size)
    population = StackedPopulation(dataset, Linear(), wanted.loss, width=1, microbatch=batch_size, dtype="float64")
    ((_, curve),) = train(population, [wanted]).items()
    part = batch_size if batch_size % 2 else batch_size // 2
    assert_same_curve(curve, naive.train(wanted, dataset, order_seed=0, first_epoch=0, microbatch=part))
    assert all(("gradient_noise" in metrics) == (part < batch_size) for metrics in curve)


@pytest.mark.parametrize("group", ["model", "loss", "regularizer", "optimizer", "schedule"])
def test_every_choice_of_conf_takes_part(group: str) -> None:
    files = [path for path in (CONF / group).glob("*.yaml") if path.stem != "knn"]  # which descends no gradient
    choices = [yaml.safe_load(path.read_text())["_target_"] for path in files]
    tables = {
        "model": mixed_experiments.MODELS,
        "loss": mixed_experiments.LOSSES,
        "regularizer": mixed_experiments.REGULARIZERS + mixed_experiments.PROXIMAL,
        "optimizer": mixed_experiments.OPTIMIZERS,
        "schedule": mixed_experiments.SCHEDULES,
    }
    assert set(choices) == {f"{type(part).__module__}.{type(part).__name__}" for part in tables[group]}


def train(population: StackedPopulation, experiments: list[Experiment]) -> dict[Member, list[dict[str, float]]]:
    """Train all of them; who ends makes room for the next, at an epoch boundary."""
    waiting = list(experiments)
    curves: dict[Member, list[dict[str, float]]] = defaultdict(list)
    while waiting or population.members:
        while waiting and population.free_slots:
            population.admit(waiting.pop(0))
        for event in population.train_epoch():
            curves[event.member].append(event.metrics)
            if event.member.finished:
                population.release(event.member)
    return curves


def assert_same_curve(curve: list[dict[str, float]], expected: list[dict[str, float]]) -> None:
    assert len(curve) == len(expected)
    for metrics, naively in zip(curve, expected, strict=True):
        assert metrics.keys() == naively.keys()
        np.testing.assert_allclose(list(metrics.values()), [naively[k] for k in metrics], rtol=1e-10, atol=0)
