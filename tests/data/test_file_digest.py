import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lrlab.data import cache, file_digest
from lrlab.data.download import fetch_images
from lrlab.data.file_digest import NOTE, FileDigest, current_digests, read_digests
from lrlab.errors import InputError
from tests.data.small import Sample

CONTENTS = {"a": b"one", "b": b"another"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every change for settled at once."""
    monkeypatch.setattr(file_digest, "SETTLED", -(10**12))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read."""
    names: list[str] = []
    of = FileDigest.of

    def note_and_read(path: Path) -> FileDigest:
        names.append(path.name)
        return of(path)

    monkeypatch.setattr(FileDigest, "of", note_and_read)
    return names


def altered(path: Path) -> None:
    """Another content of the same length, modified at the same time."""
    before = path.stat()
    content = path.read_bytes()
    time.sleep(0.02)  # the file system's clock ticks
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def replaced(path: Path) -> None:
    other = path.with_name("other")
    shutil.copy2(path, other)
    altered(other)
    other.replace(path)


def copied(path: Path) -> None:
    """The folder of a copy: its notes are of other files."""
    other = path.with_name("other")
    shutil.copy2(path, other)
    other.replace(path)


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"!")


@pytest.mark.usefixtures("settled")
def test_what_nobody_has_touched_is_not_read_again(folder: Path, read: list[str]) -> None:
    digests = current_digests(folder, ["a", "b"])
    assert sorted(read) == ["a", "b"]
    assert digests == {name: FileDigest.of(folder / name) for name in CONTENTS}
    read.clear()
    assert current_digests(folder, ["a", "b"]) == current_digests(folder, ["b", "a"]) == digests
    assert read == []


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("touch", [altered, replaced, copied, longer])
def test_what_was_touched_is_read_whatever_its_time_of_modification(
    folder: Path, read: list[str], touch: Callable[[Path], None]
) -> None:
    before = current_digests(folder, ["a", "b"])
    touch(folder / "b")
    read.clear()
    after = current_digests(folder, ["a", "b"])
    assert read == ["b"]
    assert after == {"a": before["a"], "b": FileDigest.of(folder / "b")}
    assert (after["b"] == before["b"]) == (touch is copied)
    read.clear()
    assert current_digests(folder, ["a", "b"]) == after
    assert read == []


@pytest.mark.usefixtures("settled")
def test_everything_is_read_where_that_is_asked_for(folder: Path, read: list[str]) -> None:
    current_digests(folder, ["a", "b"])
    read.clear()
    read_digests(folder, ["a", "b"])
    assert sorted(read) == ["a", "b"]


def test_a_file_that_was_just_written_is_not_noted_for_the_clock_may_stand_still(folder: Path, read: list[str]) -> None:
    current_digests(folder, ["a", "b"])
    assert not (folder / NOTE).exists()
    altered(folder / "a")
    read.clear()
    assert current_digests(folder, ["a", "b"])["a"] == FileDigest.of(folder / "a")
    assert "a" in read


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "note",
    [b"", b"\xff", b"[]", b"1", b'{"a": 1}', b'{"a": {}}', b'{"a": {"status": [], "sha256": "0"}}', b'{"a": [1]}'],
)
def test_a_damaged_note_is_written_anew(folder: Path, read: list[str], note: bytes) -> None:
    (folder / NOTE).write_bytes(note)
    digests = current_digests(folder, ["a", "b"])
    assert sorted(read) == ["a", "b"]
    assert digests["a"] == FileDigest.of(folder / "a")
    assert sorted(json.loads((folder / NOTE).read_bytes())) == ["a", "b"]


@pytest.mark.usefixtures("settled")
def test_where_nothing_can_be_noted_everything_is_read_each_time(folder: Path, read: list[str]) -> None:
    (folder / NOTE).mkdir()  # nor can a folder be written that belongs to somebody else
    for _ in range(2):
        read.clear()
        assert current_digests(folder, ["a"]) == {"a": FileDigest.of(folder / "a")}
        assert "a" in read


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("name", ["x_train.npy", "y_test.npy", "data_batch_3.bin"])
def test_data_that_were_verified_before_are_refused_once_they_are_altered(
    cifar: Sample, tmp_path: Path, name: str
) -> None:
    root = str(tmp_path)
    fetch_images(cifar.images, root, cifar.folder)
    cache.verify(cifar.images, root)
    cache.verify(cifar.images, root)
    altered(tmp_path / "cifar10" / name)
    for refuse in (cache.verify, cache.verify, cache.verify_all):
        with pytest.raises(InputError, match=rf"{name} is altered .*run: lrlab data fetch cifar10"):
            refuse(cifar.images, root)
    fetch_images(cifar.images, root, cifar.folder)
    cache.verify(cifar.images, root)


@pytest.mark.usefixtures("settled")
def test_the_note_does_not_stand_for_the_manifest(cifar: Sample, tmp_path: Path) -> None:
    root, manifest = str(tmp_path), tmp_path / "cifar10" / cache.MANIFEST
    fetch_images(cifar.images, root, cifar.folder)
    cache.verify(cifar.images, root)
    content = json.loads(manifest.read_bytes())
    content["files"]["x_train.npy"]["sha256"] = "0" * 64
    manifest.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"x_train\.npy is altered"):
        cache.verify(cifar.images, root)


@pytest.mark.usefixtures("settled")
def test_lrlab_data_fetch_reads_everything(cifar: Sample, tmp_path: Path, read: list[str]) -> None:
    root = str(tmp_path)
    fetch_images(cifar.images, root, cifar.folder)
    cache.verify(cifar.images, root)
    read.clear()
    fetch_images(cifar.images, root, None)
    assert len(read) == len(cache.Manifest.read(tmp_path / "cifar10").files)
