import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lrlab.data import digits
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
