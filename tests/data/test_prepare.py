from pathlib import Path

import numpy as np
import pytest

from lrlab.data import cache, prepare
from lrlab.data.spec import LabelledImages
from lrlab.data.standardize import BLOCK, Moments
from tests.data.small import Sample, drawn


@pytest.mark.parametrize("name", ["cifar", "mnist"])
def test_the_arrays_are_the_standardized_images(request, name) -> None:
    sample: Sample = request.getfixturevalue(name)
    prepare.prepare(sample.images, sample.folder)
    mean = sample.train[0].mean((0, 1, 2))
    std = sample.train[0].std((0, 1, 2))
    arrays = [np.load(sample.folder / name, allow_pickle=False) for name in cache.ARRAYS]
    for x, y, (pixels, labels) in (*arrays[:2], sample.train), (*arrays[2:], sample.test):
        assert (x.dtype, y.dtype) == (np.float32, np.uint8)
        np.testing.assert_allclose(x.reshape(pixels.shape), (pixels - mean) / std, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(y, labels)


def test_rows_are_written_block_by_block(tmp_path: Path) -> None:
    pixels, labels = drawn(2 * BLOCK + 7, (2, 2, 1), seed=0)
    written: list[int] = []
    moments = Moments(np.zeros(1), np.ones(1))
    prepare.write_rows(tmp_path / "x.npy", LabelledImages(pixels, labels), moments, written.append)
    assert written == [BLOCK, BLOCK, 7]
    x = np.load(tmp_path / "x.npy", mmap_mode="r", allow_pickle=False)
    np.testing.assert_array_equal(x, pixels.reshape(-1, 4))


def test_an_interruption_leaves_no_array(tmp_path: Path) -> None:
    def interrupt(rows: int) -> None:
        raise KeyboardInterrupt

    images = LabelledImages(*drawn(3, (2, 2, 1), seed=0))
    with pytest.raises(KeyboardInterrupt):
        prepare.write_rows(tmp_path / "x.npy", images, Moments.of(images.pixels), interrupt)
    assert not any(tmp_path.iterdir())
