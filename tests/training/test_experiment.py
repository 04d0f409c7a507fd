from collections.abc import Callable

import pytest

from lrlab.data.datasets import Dataset
from lrlab.errors import InputError
from lrlab.training.experiment import Experiment


@pytest.mark.parametrize("key", ["batch_size", "epochs"])
@pytest.mark.parametrize("bad", [0, -1, 2.0, float("nan"), "8", None, True])
def test_refuses_a_count(experiment: Callable[..., Experiment], key: str, bad: object) -> None:
    with pytest.raises(InputError) as refusal:
        experiment(**{key: bad})
    assert str(refusal.value) == f"{key} must be an integer >= 1, got {bad!r}"


@pytest.mark.parametrize("bad", [-1, 0.5, "0", None, False])
def test_refuses_a_seed(experiment: Callable[..., Experiment], bad: object) -> None:
    with pytest.raises(InputError) as refusal:
        experiment(seed=bad)
    assert str(refusal.value) == f"seed must be an integer >= 0, got {bad!r}"


@pytest.mark.parametrize("bad", ["float16", "double", 32, None])
def test_refuses_a_dtype(experiment: Callable[..., Experiment], bad: object) -> None:
    with pytest.raises(InputError) as refusal:
        experiment(dtype=bad)
    assert str(refusal.value) == f"dtype must be one of float32, float64, got {bad!r}"


def test_refuses_a_batch_that_is_larger_than_the_training_set(
    dataset: Dataset, experiment: Callable[..., Experiment]
) -> None:
    experiment(batch_size=203).check_fits(dataset)
    with pytest.raises(InputError, match=r"^batch_size must be <= 203, the training set's size, got 204$"):
        experiment(batch_size=204).check_fits(dataset)


@pytest.mark.parametrize(
    ("batch_size", "updates_an_epoch"),
    [(1, 203), (8, 26), (29, 7), (64, 4), (202, 2), (203, 1)],
)
def test_an_epoch_s_last_batch_may_be_smaller(
    experiment: Callable[..., Experiment], batch_size: int, updates_an_epoch: int
) -> None:
    assert experiment(batch_size=batch_size, epochs=3).total_updates(203) == 3 * updates_an_epoch


@pytest.mark.parametrize(("batch_size", "passes"), [(1, 1), (8, 4), (29, 14), (64, 25), (203, 100)])
def test_a_number_of_updates_is_so_many_epochs(
    experiment: Callable[..., Experiment], batch_size: int, passes: int
) -> None:
    """100 updates, of 203, 26, 7, 4 and 1 in an epoch."""
    assert experiment(batch_size=batch_size, updates=100).passes(203) == passes
