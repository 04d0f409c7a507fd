from pathlib import Path

import numpy as np
import pytest

from lrlab.data import cache
from lrlab.data.cifar10 import CIFAR10, Cifar10, decode
from lrlab.data.standardize import Moments
from lrlab.data.verified_files import is_intact
from lrlab.errors import InputError
from tests.data.small import Sample


def test_decode_reads_the_official_records(cifar: Sample) -> None:
    train, test = decode(cifar.folder)
    for (pixels, labels), expected in (train, cifar.train), (test, cifar.test):
        np.testing.assert_array_equal(pixels, expected[0])
        np.testing.assert_array_equal(labels, expected[1])


def test_the_package_is_rebuilt_to_the_official_bytes(cifar: Sample, tmp_path: Path) -> None:
    assert cifar.images.package is not None
    cifar.images.package.rebuild(tmp_path / "package")
    for spec in cifar.images.files:
        assert (tmp_path / "package" / spec.name).read_bytes() == (cifar.folder / spec.name).read_bytes()


@pytest.mark.cifar
@pytest.mark.usefixtures("fetched")
def test_the_real_files() -> None:
    """Class counts, channel means and md5s as published."""
    try:
        Cifar10().verify()
    except InputError as error:
        pytest.skip(str(error))
    assert all(is_intact(spec, cache.folder_of("cifar10")) for spec in CIFAR10.files)
    train, test = decode(cache.folder_of("cifar10"))
    np.testing.assert_array_equal(np.bincount(train.labels), np.full(10, 5000))
    np.testing.assert_array_equal(np.bincount(test.labels), np.full(10, 1000))
    moments = Moments.of(train.pixels)
    np.testing.assert_allclose(moments.mean / 255, [0.49139968, 0.48215841, 0.44653091], atol=5e-9)
    np.testing.assert_allclose(moments.std / 255, [0.24703, 0.24349, 0.26159], atol=5e-6)
    dataset = Cifar10().load()
    assert (dataset.x.shape, dataset.x_test.shape) == ((50_000, 3072), (10_000, 3072))
    np.testing.assert_array_equal(dataset.y, train.labels)
    for x, pixels in (dataset.x, train.pixels), (dataset.x_test, test.pixels):
        expected = (pixels[::997] - moments.mean) / moments.std
        np.testing.assert_allclose(x[::997].reshape(expected.shape), expected, rtol=1e-5, atol=1e-6)
