from dataclasses import replace

import numpy as np
import pytest

from lrlab.data.dataset import Dataset
from lrlab.data.digits import Digits
from lrlab.data.spirals import Spirals


@pytest.mark.parametrize("field", ["x", "y", "train", "validation", "x_test", "y_test"])
@pytest.mark.parametrize("change", ["a value", "dtype", "shape", "the last bit"])
def test_the_digest_covers_every_array_that_is_trained_on(dataset: Dataset, field: str, change: str) -> None:
    array = getattr(dataset, field)
    match change:
        case "a value":
            changed = array.copy()
            changed.flat[-1] += 1
        case "dtype":
            changed = array.astype(np.float64 if array.dtype == np.float32 else np.int32)
        case "shape":
            changed = array.reshape(1, *array.shape)
        case "the last bit":
            changed = array.copy()
            changed.view(np.uint8).flat[0] ^= 1
    assert replace(dataset, **{field: array.copy()}).digest == dataset.digest
    assert replace(dataset, **{field: changed}).digest != dataset.digest


@pytest.mark.parametrize("data", [Digits(), Spirals()], ids=["digits", "spirals"])
def test_standardization_turns_published_rows_into_those_that_are_trained_on(data: Digits | Spirals) -> None:
    loaded = data.load()
    mean, std = loaded.standardization()
    assert mean.shape == std.shape == (loaded.x.shape[1],)
    if isinstance(data, Digits):
        for raw, rows in zip(loaded.pixels(), (loaded.x, loaded.x_test), strict=True):
            np.testing.assert_array_equal(((raw - mean) / std).astype(np.float32), rows)
    else:  # points on the unit disc
        raw = np.hypot(*(loaded.x * std + mean).T)
        assert raw.max() == pytest.approx(1, abs=1e-6)


def test_a_data_set_without_moments_is_as_it_was_published(dataset: Dataset) -> None:
    mean, std = dataset.standardization()
    assert (mean == 0).all()
    assert (std == 1).all()
