import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg  # which loads its BLAS
from threadpoolctl import threadpool_limits

from lrlab.core.model import Linear
from lrlab.data.dataset import Dataset
from lrlab.errors import InputError
from lrlab.runs.provenance import Environment, Provenance
from lrlab.runtime import environment
from lrlab.training.experiment import Experiment
from lrlab.training.population import StackedPopulation
from tests.training.single import single, train_epochs


def test_a_member_among_others_is_repeated_alone_from_its_provenance(
    dataset: Dataset, experiment: Callable[..., Experiment]
) -> None:
    population = StackedPopulation(dataset, Linear(), experiment().loss, width=5, microbatch=4, seed=9)
    population.admit(experiment(seed=9))
    population.train_epoch()
    population.admit(experiment(seed=9, batch_size=20), slot=1)
    wanted = experiment(seed=9, batch_size=12, epochs=4)
    member = population.admit(wanted, slot=3)

    provenance = Provenance.of(population, member)
    assert Provenance.from_json(provenance.to_json()) == provenance
    assert provenance.environment == Environment.current()
    assert (provenance.data, provenance.samples) == (dataset.digest, len(dataset.train))
    assert provenance.slot == 3
    assert provenance.shape() == {"width": 5, "microbatch": 4, "first_epoch": 1}

    replay = single(wanted, dataset, slot=provenance.slot, **provenance.shape())
    for event in train_epochs(replay):
        assert event.metrics == next(e.metrics for e in population.train_epoch() if e.member is member)
    (again,) = replay.members
    for name, array in member.weights().items():
        np.testing.assert_array_equal(again.weights()[name], array)


def test_the_environment_names_the_blas_that_multiplies() -> None:
    """SciPy's, of which `lrlab.core.blas` takes gemm; NumPy's has another version or as many threads by chance."""
    scipys = environment.blas_of(scipy)
    now = Environment.current()
    assert now.blas == f"{scipys['internal_api']} {scipys['version']}"
    assert (now.blas_kernel, now.blas_threads) == (scipys["architecture"], scipys["num_threads"])
    with threadpool_limits(1, user_api="blas"):
        assert Environment.current().blas_threads == 1


OLD = {"width": 1, "slot": 0, "microbatch": 4, "first_epoch": 0, "data": "0", "samples": 9}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(OLD | {"environment": {"blas": "openblas", "blas_core": "Haswell"}}),
        json.dumps(OLD),
        json.dumps(OLD | {"environment": None}),
        json.dumps([OLD]),
        json.dumps(OLD)[:-9],  # as if cut to the length of a tag
    ],
)
def test_the_provenance_of_an_earlier_version_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^this run was recorded by an earlier version of lrlab"):
        Provenance.from_json(text)


def test_changes_are_named(dataset: Dataset, experiment: Callable[..., Experiment]) -> None:
    population = single(experiment(), dataset)
    now = Provenance.of(population, population.members[0])
    then = replace(now, data="1" * 64, environment=replace(now.environment, blas_kernel="Z80"))
    assert then.changes(now) == {"blas_kernel": ("Z80", now.environment.blas_kernel), "data": ("1" * 64, now.data)}
    assert now.changes(now) == {}
