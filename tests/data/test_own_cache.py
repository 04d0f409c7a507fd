"""The prepared arrays: found again, never out of date, prepared anew when they are damaged."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lrlab.data import own_arrays, own_cache
from lrlab.data.table import Table
from lrlab.errors import InputError

pytestmark = pytest.mark.usefixtures("own_folder")


def write(path: str = "t.csv", first: int = 0, rows: int = 20) -> None:
    Path(path).write_text("a,label\n" + "".join(f"{first + i},{i % 2}\n" for i in range(rows)))


def entries(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "cache" / "own").iterdir())


def table(path: str = "t.csv", **settings: Any) -> Table:
    return Table(path=path, target="label", **settings)


def test_it_is_prepared_once_and_found_again_where_it_has_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    digest = table().load().digest
    (entry,) = entries(tmp_path)
    monkeypatch.setattr(own_cache, "build", None)  # it would be called
    assert table().load().digest == digest
    assert table(train_size=3).load().digest != digest
    Path("sub").mkdir()
    Path("t.csv").rename("sub/u.csv")
    moved = table("sub/u.csv")
    moved.verify()
    assert (moved.load().digest, moved.load().name) == (digest, "u")
    assert entries(tmp_path) == [entry]


def test_arrays_are_mapped_and_read_only() -> None:
    write()
    data = table().load()
    assert isinstance(data.x, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        data.x[0] = 0


@pytest.mark.parametrize("verify", [True, False])
def test_a_changed_file_is_read_again_even_if_its_time_is_as_before(verify: bool) -> None:
    write()
    before, status = table().load(), Path("t.csv").stat()
    write(first=10)
    os.utime("t.csv", ns=(status.st_atime_ns, status.st_mtime_ns))
    if verify:
        table().verify()
    assert Path("t.csv").stat().st_mtime_ns == status.st_mtime_ns
    assert table().load().example != before.example


@pytest.mark.parametrize("settings", [{"split_seed": 1}, {"test": 0.3}, {"validation": 0.3}, {"categorical": ["a"]}])
def test_what_decides_the_arrays_has_an_entry_of_its_own(settings: dict[str, Any], tmp_path: Path) -> None:
    write()
    assert table().load().digest != table(**settings).load().digest
    assert len(entries(tmp_path)) == 2


@pytest.mark.parametrize("name", [*own_arrays.ARRAYS, own_arrays.DESCRIPTION])
def test_a_truncated_or_altered_array_is_prepared_anew(tmp_path: Path, name: str) -> None:
    write()
    before = table().load()
    (entry,) = entries(tmp_path)
    content = (entry / name).read_bytes()
    (entry / name).write_bytes(content[:-9])
    assert table().load().digest == before.digest
    assert (entry / name).read_bytes() == content
    if name != own_arrays.DESCRIPTION:
        (entry / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        table().verify()  # which reads everything
        assert (entry / name).read_bytes() == content
    (entry / name).unlink()
    assert table().load().digest == before.digest


def test_nothing_is_left_of_what_could_not_be_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write()
    monkeypatch.setattr(own_arrays, "NUMBERS_AT_A_TIME", 4)
    monkeypatch.setattr(np, "save", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InputError, match=r"^data cannot be prepared in .*: No space left on device$"):
        table().load()
    assert entries(tmp_path) == []


def test_a_cache_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    write()
    (tmp_path / "cache").write_text("")
    with pytest.raises(InputError, match=r"^data cannot be prepared in .*: (Not a directory|File exists)"):
        table().load()


def test_another_process_may_be_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write()
    source, build = table(), own_arrays.build

    def build_twice(samples: own_arrays.Samples, folder: Path) -> None:
        monkeypatch.setattr(own_cache, "build", build)
        source.load()
        build(samples, folder)

    monkeypatch.setattr(own_cache, "build", build_twice)
    assert source.load().digest == table().load().digest
    assert len(entries(tmp_path)) == 1


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write()
    read = Table.read

    def read_late(self: Table, scratch: Path) -> own_arrays.Samples:
        write(first=5)
        return read(self, scratch)

    monkeypatch.setattr(Table, "read", read_late)
    with pytest.raises(InputError, match=r"t\.csv or another of the data has changed while it was read$"):
        table().load()
    assert entries(tmp_path) == []
