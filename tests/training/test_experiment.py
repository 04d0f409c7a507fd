from collections.abc import Callable

import pytest

from lrlab.data.dataset import Dataset
from lrlab.errors import InputError
from lrlab.training.experiment import Experiment


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


@pytest.mark.parametrize(("batch_size", "passes"), [(1, 1), (8, 4), (29, 15), (64, 25), (203, 100)])
def test_a_number_of_updates_is_made_exactly_in_as_many_passes_as_it_takes(
    experiment: Callable[..., Experiment], batch_size: int, passes: int
) -> None:
    """100 updates, of 203, 26, 7, 4 and 1 in an epoch."""
    wanted = experiment(batch_size=batch_size, updates=100)
    assert (wanted.passes(203), wanted.total_updates(203)) == (passes, 100)
