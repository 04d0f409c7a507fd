"""Populations of members that share nothing, with learners whose steps are written down."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from lrlab.data.dataset import Dataset
from lrlab.training.experiment import Experiment
from lrlab.training.methods.random_search import RandomSearch
from lrlab.training.sequential import SequentialPopulation

Make = Callable[..., Experiment]
LOSSES = (0.5, 0.25, 0.125)


@dataclass
class Script:
    """A learner whose losses are given."""

    losses: tuple[float, ...]
    done: int = 0

    @property
    def finished(self) -> bool:
        return self.done == len(self.losses)

    def step(self) -> dict[str, float]:
        self.done += 1
        return {"train/loss": self.losses[self.done - 1], "val/loss": 1.0}

    def weights(self) -> dict[str, np.ndarray]:
        return {"W1": np.array([self.done])}

    def test(self) -> dict[str, float]:
        return {"test/loss": float(self.done)}


@pytest.fixture
def population(dataset: Dataset) -> SequentialPopulation:
    return new(dataset)


def new(dataset: Dataset, *scripts: tuple[float, ...], first_epoch: int = 0) -> SequentialPopulation:
    learners = iter(scripts or (LOSSES,) * 5)
    return SequentialPopulation(
        dataset, lambda wanted: Script(next(learners)), width=3, microbatch=8, first_epoch=first_epoch
    )


def test_members_take_the_first_free_slot_or_the_one_they_are_given(
    population: SequentialPopulation, experiment: Make
) -> None:
    assert (population.members, population.free_slots, population.train_epoch()) == ([], 3, [])
    last, first, middle = (population.admit(experiment(), slot) for slot in (2, None, None))
    assert population.members == [first, middle, last]
    assert [member.slot for member in population.members] == [0, 1, 2]
    population.release(first)
    assert (population.members, population.free_slots) == ([middle, last], 1)
    assert population.admit(experiment()).slot == 0
    with pytest.raises(ValueError, match="not in list"):
        population.admit(experiment())


def test_every_member_is_told_of_its_own_epochs(population: SequentialPopulation, experiment: Make) -> None:
    early = population.admit(experiment())
    population.train_epoch()
    late = population.admit(experiment())
    told = [(result.member, result.epoch, result.metrics["train/loss"]) for result in population.train_epoch()]
    assert told == [(early, 2, 0.25), (late, 1, 0.5)]
    assert (early.first_epoch, late.first_epoch, population.epochs_done) == (0, 1, 2)
    assert (early.weights()["W1"].item(), population.test(late)) == (2, {"test/loss": 1.0})


def test_a_replay_counts_from_the_epoch_at_which_it_begins(dataset: Dataset, experiment: Make) -> None:
    population = new(dataset, first_epoch=4)
    member = population.admit(experiment())
    (result,) = population.train_epoch()
    assert (member.first_epoch, result.epoch, population.epochs_done) == (4, 1, 5)


def test_a_slot_that_is_taken_stays_its_members(population: SequentialPopulation, experiment: Make) -> None:
    member = population.admit(experiment())
    with pytest.raises(ValueError, match="slot 0 is taken"):
        population.admit(experiment(seed=1), slot=0)
    assert population.members[0] is member
    population.release(member)
    assert population.admit(experiment(seed=1), slot=0).slot == 0


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_metric_that_is_not_finite_marks_its_member_alone(dataset: Dataset, experiment: Make, loss: float) -> None:
    population = new(dataset, (0.5, loss), LOSSES)
    for _ in range(2):
        population.admit(experiment())
    diverged = [[result.diverged for result in population.train_epoch()] for _ in range(2)]
    assert diverged == [[False, False], [True, False]]


def test_a_member_has_finished_when_its_learner_has(dataset: Dataset, experiment: Make) -> None:
    population = new(dataset, LOSSES[:1], LOSSES)
    short, long = (population.admit(experiment()) for _ in range(2))
    population.train_epoch()
    assert (short.finished, long.finished) == (True, False)


def test_a_member_that_has_left_is_not_tested(population: SequentialPopulation, experiment: Make) -> None:
    gone = population.admit(experiment())
    population.release(gone)
    population.admit(experiment(), gone.slot)
    with pytest.raises(ValueError, match="slot 0 does not hold this member"):
        population.test(gone)


def test_a_method_s_population_trains_every_experiment_as_if_alone(dataset: Dataset, experiment: Make) -> None:
    method = RandomSearch(draws=150)
    wanted = [experiment(method=method, seed=seed) for seed in (0, 1)]

    def train(*experiments: Experiment) -> list[dict[str, float]]:
        population = method.new_population(experiments[0], dataset, width=2, microbatch=8, first_epoch=1)
        assert (population.dataset, population.width, population.microbatch) == (dataset, 2, 8)
        for each in experiments:
            population.admit(each)
        return [result.metrics for result in population.train_epoch()]

    assert train(*wanted) == [*train(wanted[0]), *train(wanted[1])]
