from dataclasses import replace

import pytest

from lrlab.core.model import MLP, Linear
from lrlab.core.optimizer import SGD
from lrlab.core.regularizer import NoRegularizer
from lrlab.core.schedule import Constant
from lrlab.data.digits import Digits
from lrlab.errors import InputError
from lrlab.lecture.presets import PRESETS, Preset, preset
from lrlab.training.configuration import flat, to_record


@pytest.fixture(params=list(PRESETS.values()), ids=list(PRESETS))
def each(request: pytest.FixtureRequest) -> Preset:
    scale: Preset = request.param
    return scale


def test_a_preset_goes_by_the_name_of_its_data(each: Preset) -> None:
    assert preset(each.name) is each
    choices = {flat(to_record(each.experiment(data=data)))["data"] for data in (each.full_data, each.subset)}
    assert choices == {each.name}


@pytest.mark.parametrize("name", ["mnist", "Digits", ""])
def test_a_data_set_without_a_preset_is_refused_with_those_that_have_one(name: str) -> None:
    with pytest.raises(InputError) as error:
        preset(name)
    assert str(error.value) == f"--data must be one of digits, cifar10, got {name!r}"


def test_a_baseline_is_the_plainest_training_on_the_subset(each: Preset) -> None:
    baseline = each.experiment()
    assert (baseline.data, baseline.batch_size, baseline.epochs) == (each.subset, each.batch_size, each.epochs)
    assert (baseline.model, baseline.optimizer) == (Linear(), SGD())
    assert (baseline.regularizer, baseline.schedule) == (NoRegularizer(), Constant())


def test_changes_are_made_to_one_experiment_alone(each: Preset) -> None:
    before = each.experiment()
    changed = each.experiment(model=MLP([5]), epochs=each.long_epochs, data=each.small_subset)
    assert changed == replace(before, model=MLP([5]), epochs=each.long_epochs, data=each.small_subset)
    assert each.experiment() == before
    with pytest.raises(TypeError, match="epoch"):
        each.experiment(epoch=3)


def test_the_small_subset_has_few_samples_and_the_others_enough(each: Preset) -> None:
    sizes = [
        flat(to_record(each.experiment(data=data)))["data.train_size"] for data in (each.small_subset, each.subset)
    ]
    small, subset = sizes
    assert each.batch_size <= small
    assert subset is None or subset >= 10 * small  # None: all there are
    assert each.epochs < each.long_epochs


def test_the_digits_are_there_at_every_size() -> None:
    digits = PRESETS["digits"]
    small, full = digits.small_subset.load(), digits.full_data.load()
    assert (len(small.train), digits.subset) == (100, Digits())
    assert len(full.train) > 10 * len(small.train)
    for data in (digits.small_subset, digits.subset):
        digits.experiment(data=data).check_fits(data.load())
