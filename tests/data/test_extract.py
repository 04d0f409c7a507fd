import io
import tarfile
from pathlib import Path
from typing import Literal

import pytest

from lrlab.data.extract import extract, file_names
from lrlab.errors import InputError
from tests.data.small import describe

CONTENTS = {"one.bin": b"one" * 1000, "two.bin": b"two" * 500}


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A directory with one file in it, one below it, and something else."""
    folder = tmp_path / "given"
    (folder / "below" / "it").mkdir(parents=True)
    (folder / "one.bin").write_bytes(CONTENTS["one.bin"])
    (folder / "below" / "it" / "two.bin").write_bytes(CONTENTS["two.bin"])
    (folder / "readme.txt").write_text("not asked for")
    return folder


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    folder = tmp_path / "destination"
    folder.mkdir()
    return folder


@pytest.fixture
def files(tmp_path: Path) -> tuple:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
    return describe(tmp_path, list(CONTENTS))


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def regular(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info, content


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, b""


def tar(path: Path, members: list[tuple[tarfile.TarInfo, bytes]], mode: Literal["w:gz", "w"] = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


def test_files_come_from_a_directory_and_below_it(given, destination, files) -> None:
    assert file_names(given) == {"one.bin", "two.bin", "readme.txt"}
    extract(given, files, destination)
    assert written(destination) == CONTENTS


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("inside", ["", "./", "cifar-10-batches-bin/", "a/b/c/"])
def test_files_come_from_an_archive(tmp_path, destination, files, mode, inside) -> None:
    members = [regular(inside + name, content) for name, content in CONTENTS.items()]
    archive = tar(tmp_path / "archive", [regular("readme.txt", b"not asked for"), *members], mode)
    assert file_names(archive) == {"one.bin", "two.bin", "readme.txt"}
    extract(archive, files, destination)
    assert written(destination) == CONTENTS


ONE = CONTENTS["one.bin"]
HOSTILE = {
    "symbolic link": (special("one.bin", tarfile.SYMTYPE, "/etc/passwd"), "holds no file one.bin"),
    "hard link": (special("one.bin", tarfile.LNKTYPE, "two.bin"), "holds no file one.bin"),
    "device": (special("one.bin", tarfile.CHRTYPE), "holds no file one.bin"),
    "pipe": (special("one.bin", tarfile.FIFOTYPE), "holds no file one.bin"),
    "directory": (special("one.bin", tarfile.DIRTYPE), "holds no file one.bin"),
    "absolute path": (regular("/tmp/one.bin", ONE), "holds no file one.bin"),
    "climbing path": (regular("../one.bin", ONE), "holds no file one.bin"),
    "climbing inside": (regular("a/../../one.bin", ONE), "holds no file one.bin"),
    "oversized": (regular("one.bin", ONE + b"!"), "one.bin has 3001 bytes, expected 3000"),
    "truncated": (regular("one.bin", ONE[:-1]), "one.bin has 2999 bytes, expected 3000"),
    "altered": (regular("one.bin", b"x" + ONE[1:]), "one.bin is altered: md5"),
}


@pytest.mark.parametrize(("member", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_member_is_never_written(tmp_path, destination, files, member, reason) -> None:
    archive = tar(tmp_path / "archive.tar.gz", [member, regular("two.bin", CONTENTS["two.bin"])])
    before = set(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=reason):
        extract(archive, files, destination)
    assert set(tmp_path.rglob("*")) - before <= {destination / "two.bin"}


def test_a_link_cannot_redirect_a_later_member(tmp_path, destination, files) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    members = [special("data", tarfile.SYMTYPE, str(outside)), regular("data/one.bin", ONE)]
    archive = tar(tmp_path / "archive.tar.gz", [*members, regular("two.bin", CONTENTS["two.bin"])])
    extract(archive, files, destination)
    assert written(destination) == CONTENTS
    assert not any(outside.iterdir())


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_damaged_archive_is_refused(tmp_path, destination, files, kept) -> None:
    noise = [regular(f"{i}.bin", bytes((i * j) % 251 for j in range(5000))) for i in range(20)]
    whole = tar(tmp_path / "whole.tar.gz", noise).read_bytes()
    damaged = tmp_path / "damaged.tar.gz"
    damaged.write_bytes(whole[: int(kept * len(whole))])
    for refused in (lambda: file_names(damaged), lambda: extract(damaged, files, destination)):
        with pytest.raises(InputError, match=r"damaged\.tar\.gz"):
            refused()
    assert written(destination) == {}


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.write_text("no archive")])
def test_neither_directory_nor_archive(tmp_path, make) -> None:
    make(tmp_path / "thing")
    with pytest.raises(InputError, match="thing is neither a directory nor an intact tar archive"):
        file_names(tmp_path / "thing")


def test_a_missing_file_is_named(given, destination, files) -> None:
    (given / "one.bin").unlink()
    with pytest.raises(InputError, match=r"given holds no file one\.bin"):
        extract(given, files, destination)
