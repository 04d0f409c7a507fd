from pathlib import Path

import numpy as np
import pytest

from lrlab.data import prepare
from lrlab.data.download import fetch_images
from lrlab.data.fetched import FetchedDataset
from lrlab.data.standardize import standardized
from tests.data.small import Sample


def small(sample: Sample) -> type[FetchedDataset]:
    """The configuration class of a small data set."""
    return type("Small", (FetchedDataset,), {"spec": sample.images})


@pytest.mark.parametrize("name", ["cifar", "mnist"])
def test_a_fetched_data_set_is_mapped_read_only(request, tmp_path: Path, name: str) -> None:
    sample: Sample = request.getfixturevalue(name)
    root = str(tmp_path / "cache")
    fetch_images(sample.images, root, sample.folder)
    count = sample.images.train_images
    dataset = small(sample)(root=root, validation=3).load()
    assert isinstance(dataset.x, np.memmap)
    assert isinstance(dataset.x_test, np.memmap)
    assert [dataset.x.dtype, dataset.y.dtype] == [np.dtype(np.float32), np.dtype(np.intp)]
    assert (len(dataset.train), len(dataset.validation)) == (count - 3, 3)
    np.testing.assert_array_equal(dataset.y, sample.train[1])
    np.testing.assert_array_equal(dataset.y_test, sample.test[1])
    for row, picture in zip(dataset.x_test, sample.test[0], strict=True):
        for channel in range(picture.shape[-1]):
            shown = row.reshape(dataset.image_shape)[..., channel].ravel()
            assert np.corrcoef(shown, picture[..., channel].ravel())[0, 1] == pytest.approx(1)
    for rows, (pixels, _) in zip(dataset.pixels(), (sample.train, sample.test), strict=True):
        np.testing.assert_array_equal(rows, pixels.reshape(len(pixels), -1))
    mean, std = dataset.standardization()
    np.testing.assert_array_equal(((dataset.pixels()[1] - mean) / std).astype(np.float32), dataset.x_test)
    for array in (dataset.x, dataset.y, dataset.train, dataset.validation, dataset.x_test, dataset.y_test):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_the_digest_is_that_of_the_standardized_arrays(mnist: Sample, tmp_path: Path, monkeypatch) -> None:
    def digest(root: str, validation: int = 3) -> str:
        fetch_images(mnist.images, str(tmp_path / root), mnist.folder)
        return small(mnist)(root=str(tmp_path / root), validation=validation).load().digest

    assert digest("one") == digest("two") == digest("one") != digest("one", validation=4)
    monkeypatch.setattr(prepare, "standardized", lambda pixels, moments: standardized(pixels, moments) + 1)
    assert digest("otherwise standardized") != digest("one")
