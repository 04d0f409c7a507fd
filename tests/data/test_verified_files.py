import hashlib
import io
from pathlib import Path

import pytest

from lrlab.data.verified_files import BLOCK, FileSpec, atomic_write, copy_verified, is_intact
from lrlab.errors import InputError

CONTENT = bytes(range(256)) * 5000  # more than one block
SPEC = FileSpec("data.bin", len(CONTENT), hashlib.md5(CONTENT).hexdigest())


def test_the_described_content_is_put_in_place(tmp_path: Path) -> None:
    assert len(CONTENT) > BLOCK
    copy_verified(io.BytesIO(CONTENT), SPEC, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["data.bin"]
    assert (tmp_path / "data.bin").read_bytes() == CONTENT
    assert is_intact(SPEC, tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"data\.bin is truncated: 0 bytes, expected 1280000"),
        (CONTENT[:-1], r"data\.bin is truncated: 1279999 bytes, expected 1280000"),
        (CONTENT + b"x", r"data\.bin is larger than its 1280000 bytes"),
        (b"x" + CONTENT[1:], r"data\.bin is altered: md5 [0-9a-f]{32}, expected " + SPEC.md5),
    ],
)
def test_other_content_is_refused_and_leaves_nothing(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        copy_verified(io.BytesIO(content), SPEC, tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "data.bin").write_bytes(content)
    assert not is_intact(SPEC, tmp_path)


def test_an_endless_stream_is_read_no_further_than_the_expected_size(tmp_path: Path) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return bytes(size)

    stream = Endless()
    with pytest.raises(InputError, match="larger"):
        copy_verified(stream, SPEC, tmp_path)  # type: ignore[arg-type]
    assert stream.given == SPEC.size + 1


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError, ConnectionResetError])
def test_an_interruption_leaves_what_was_there(tmp_path: Path, interruption: type[BaseException]) -> None:
    (tmp_path / "data.bin").write_bytes(b"before")

    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise interruption
            return super().read(size)

    with pytest.raises(interruption):
        copy_verified(Interrupted(CONTENT), SPEC, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["data.bin"]
    assert (tmp_path / "data.bin").read_bytes() == b"before"


def test_a_replaced_file_is_the_old_one_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "data.bin"
    path.write_bytes(b"before")
    with atomic_write(path) as stream:
        stream.write(b"after")
        assert path.read_bytes() == b"before"
    assert path.read_bytes() == b"after"


def test_a_missing_file_is_not_intact(tmp_path: Path) -> None:
    assert not is_intact(SPEC, tmp_path)
