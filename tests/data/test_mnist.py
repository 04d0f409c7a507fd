import gzip
from pathlib import Path

import numpy as np
import pytest

from lrlab.data.mnist import decode, read_idx
from tests.data.small import Sample


def test_decode_reads_the_official_files(mnist: Sample) -> None:
    train, test = decode(mnist.folder)
    for (pixels, labels), expected in (train, mnist.train), (test, mnist.test):
        np.testing.assert_array_equal(pixels, expected[0])
        np.testing.assert_array_equal(labels, expected[1])


def test_read_idx_by_hand(tmp_path: Path) -> None:
    """Magic 0x00000802: bytes, two axes; then 2 and 3, then the values, last axis fastest."""
    content = bytes.fromhex("00000802 00000002 00000003 010203 0405ff")
    (tmp_path / "a.gz").write_bytes(gzip.compress(content))
    np.testing.assert_array_equal(read_idx(tmp_path / "a.gz"), [[1, 2, 3], [4, 5, 255]])


@pytest.mark.parametrize("content", ["00000d01 00000001 00000000", "00010801 00000001 01", "00000801 00000002 01"])
def test_another_type_or_length_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes.fromhex(content)))
    with pytest.raises(ValueError, match=r"IDX|reshape"):
        read_idx(tmp_path / "a.gz")
