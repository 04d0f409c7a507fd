"""Arrays built block by block; test_table.py, test_arrays.py and test_images.py look at what is in them."""

from pathlib import Path

import numpy as np
import pytest

from lrlab.data import own_arrays
from lrlab.data.arrays import Arrays
from lrlab.data.own_arrays import unmap_read
from lrlab.errors import InputError

pytestmark = pytest.mark.usefixtures("own_folder")


def test_blocks_change_nothing_but_the_last_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(5, 3, (50, 2, 3))
    np.savez("a.npz", x=x, y=np.arange(50) % 2)
    whole = Arrays(path="a.npz").load()
    monkeypatch.setattr(own_arrays, "NUMBERS_AT_A_TIME", 40)
    np.savez("b.npz", x=x, y=np.arange(50) % 2)
    blocks = Arrays(path="b.npz").load()
    np.testing.assert_allclose(blocks.x, whole.x, atol=1e-6)
    np.testing.assert_array_equal(blocks.y, whole.y)
    np.testing.assert_allclose(blocks.x_test, whole.x_test, atol=1e-6)


def test_a_sample_too_far_from_those_that_are_learned_from_is_refused() -> None:
    x, y = np.random.default_rng(0).normal(0, 1e-9, (30, 2)), np.arange(30) % 2
    np.savez("a.npz", x=x, y=y, x_test=np.array([[0, 1e35]]), y_test=y[:1])
    with pytest.raises(InputError, match=r"^data\.path must hold numbers that are finite in float32 once standardized"):
        Arrays(path="a.npz").load()


def test_what_was_read_can_be_read_again(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(5000))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r", allow_pickle=False)
    for array in mapped, mapped[10:], np.arange(5000):
        before = array.sum()
        unmap_read(array)
        assert array.sum() == before
