import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lrlab.data import digits
from lrlab.data.digits import Digits
from lrlab.errors import InputError


def test_the_digits_are_those_scikit_learn_loads() -> None:
    from sklearn.datasets import load_digits

    images, expected = digits.read(), load_digits()
    np.testing.assert_array_equal(images.pixels[..., 0], expected.images)
    np.testing.assert_array_equal(images.labels, expected.target)
    assert images.pixels.shape == (digits.COUNT, digits.SIDE, digits.SIDE, 1)


def lines(content: bytes) -> list[bytes]:
    return gzip.decompress(content).splitlines(keepends=True)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "truncated": lambda content: content[: len(content) // 2],
    "no gzip": lambda content: b"0,1,2\n",
    "no numbers": lambda content: gzip.compress(b"a,b\n"),
    "a row less": lambda content: gzip.compress(b"".join(lines(content)[:-1])),
    "another value": lambda content: gzip.compress(gzip.decompress(content).replace(b"13", b"12", 1)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    content = DAMAGES[damage](digits.csv_path().read_bytes())
    path = tmp_path / "digits.csv.gz"
    path.write_bytes(content)
    monkeypatch.setattr(digits, "csv_path", lambda: path)
    with pytest.raises(InputError, match=r"digits\.csv\.gz .*run: pip install --force-reinstall scikit-learn"):
        digits.read()


def test_a_missing_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "csv_path", lambda: tmp_path / "digits.csv.gz")
    with pytest.raises(InputError, match=r"digits\.csv\.gz cannot be read"):
        digits.read()


def test_digits_are_standardized_without_a_look_at_the_test() -> None:
    from sklearn.datasets import load_digits

    dataset = Digits(test=300, validation=200).load()
    assert (dataset.x.shape, dataset.x_test.shape) == ((1497, 64), (300, 64))
    assert [dataset.x.dtype, dataset.y.dtype, dataset.train.dtype] == [np.dtype(np.float32), *2 * [np.dtype(np.intp)]]
    assert (len(dataset.train), len(dataset.validation)) == (1297, 200)
    np.testing.assert_allclose(dataset.x.mean(dtype=np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(dataset.x.std(dtype=np.float64), 1, atol=1e-6)
    source = load_digits()
    every = np.concatenate([dataset.x, dataset.x_test])
    pixels = np.rint(16 * (every - every.min()) / np.ptp(every))  # 0 and 16 both occur
    order = np.lexsort(pixels.T), np.lexsort(source.data.T)
    np.testing.assert_array_equal(pixels[order[0]], source.data[order[1]])
    labels = np.concatenate([dataset.y, dataset.y_test])
    np.testing.assert_array_equal(labels[order[0]], source.target[order[1]])


def test_another_seed_takes_other_test_images() -> None:
    first, again, other = (Digits(split_seed=seed).load() for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.x_test, again.x_test)
    assert not np.array_equal(first.x_test, other.x_test)
    assert first.digest == again.digest != other.digest
