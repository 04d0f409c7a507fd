from collections.abc import Callable

import numpy as np
import pytest

from lrlab.core.model import MLP
from lrlab.core.optimizer import SGD
from lrlab.data.datasets import Dataset
from lrlab.errors import InputError
from lrlab.runs.provenance import Provenance
from lrlab.runtime.environment import describe
from lrlab.training.experiment import Experiment
from lrlab.training.population import StackedPopulation
from lrlab.training.single import single, train_epochs


def test_trains_to_the_end(dataset: Dataset, experiment: Callable[..., Experiment]) -> None:
    population = single(experiment(epochs=3, batch_size=20), dataset)
    assert (population.width, population.microbatch, population.epochs_done) == (1, 20, 0)
    assert [event.epoch for event in train_epochs(population)] == [1, 2, 3]


def test_ends_where_it_diverges(dataset: Dataset, experiment: Callable[..., Experiment]) -> None:
    wild = experiment(model=MLP([5]), optimizer=SGD(lr=1e300), epochs=5)
    assert [event.diverged for event in train_epochs(single(wild, dataset))] == [True]


def test_refuses_a_batch_that_does_not_fit(dataset: Dataset, experiment: Callable[..., Experiment]) -> None:
    with pytest.raises(InputError, match=r"^batch_size must be <= 203"):
        single(experiment(batch_size=204), dataset)


def test_a_member_of_a_company_is_replayed_from_its_provenance(
    dataset: Dataset, experiment: Callable[..., Experiment]
) -> None:
    company = StackedPopulation(dataset, experiment().model, experiment().loss, width=5, microbatch=4, seed=9)
    company.admit(experiment(seed=9))
    company.train_epoch()
    company.admit(experiment(seed=9, batch_size=20), slot=1)
    wanted = experiment(seed=9, batch_size=12, epochs=4)
    member = company.admit(wanted, slot=3)

    record = Provenance.of(company, member).to_dict()
    assert record.pop("environment") == describe()
    assert record.pop("data") == dataset.digest
    assert record.pop("samples") == len(dataset.train)
    assert record == {"width": 5, "slot": 3, "microbatch": 4, "first_epoch": 1}

    replay = single(wanted, dataset, **record)
    for event in train_epochs(replay):
        assert event.metrics == next(e.metrics for e in company.train_epoch() if e.member is member)
    (again,) = replay.members
    for name, array in member.weights().items():
        np.testing.assert_array_equal(again.weights()[name], array)
