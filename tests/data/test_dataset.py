from dataclasses import replace

import numpy as np
import pytest

from lrlab.data.dataset import Dataset


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
