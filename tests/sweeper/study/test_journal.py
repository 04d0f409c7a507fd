import json
import multiprocessing
import os
from typing import Any

import optuna
import pytest

from lrlab.sweeper.study import journal
from lrlab.sweeper.study.journal import JournalFile, Lock
from lrlab.sweeper.study.journal_store import JournalStore


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outputs" / "optuna.log"


def study(path):
    return optuna.create_study(storage=JournalStore(path), study_name="s", load_if_exists=True)


def torn(path):
    return list(path.parent.glob("optuna.log.torn-*"))


@pytest.mark.parametrize("tail", [b'{"op_code": 4, "wor', b"\0" * 5000, b'{"op_code": 4}' * 10_000])
def test_a_torn_tail_is_cut_when_the_journal_is_opened_and_kept_beside_it(path: Any, tail: Any) -> None:
    study(path).set_user_attr("before", 1)
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    assert study(path).user_attrs == {"before": 1}
    assert path.read_bytes().startswith(whole)
    (copy,) = torn(path)
    assert copy.read_bytes() == tail


def test_a_tail_torn_while_others_have_the_journal_open_is_cut_before_the_next_append(path: Any) -> None:
    one, other = study(path), study(path)
    one.set_user_attr("one", 1)
    with path.open("ab") as file:
        file.write(b'{"op_code": 2, "stu')
    other.set_user_attr("other", 2)
    one.set_user_attr("again", 3)
    assert study(path).user_attrs == {"one": 1, "other": 2, "again": 3}
    assert one.user_attrs == other.user_attrs == study(path).user_attrs
    assert len(torn(path)) == 1


def test_a_journal_that_is_one_torn_line_becomes_empty(path: Any) -> None:
    path.parent.mkdir()
    path.write_bytes(b"{")
    assert study(path).trials == []


def test_a_sound_journal_is_left_alone(path: Any) -> None:
    study(path)
    before = path.read_bytes()
    JournalStore(path)
    assert path.read_bytes() == before
    assert torn(path) == []


def hold(path, held):
    lock = Lock(path)
    lock.acquire()
    held.send(True)
    held.recv()
    os._exit(9)  # without a release


def test_the_lock_of_a_dead_owner_is_free(path: Any) -> None:
    study(path)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    owner = context.Process(target=hold, args=(path, there))
    owner.start()
    here.recv()
    here.send(True)
    owner.join()
    study(path).set_user_attr("free", True)
    assert study(path).user_attrs == {"free": True}


def test_a_lock_file_that_optuna_left_behind_stalls_nobody(path: Any) -> None:
    study(path)
    os.symlink(path, f"{path}.lock")
    study(path).set_user_attr("free", True)
    assert study(path).user_attrs == {"free": True}


@pytest.fixture
def written(tmp_path):
    """A journal of twenty entries in a file, and its path."""
    path = tmp_path / "optuna.log"
    JournalFile(path, Lock(path)).append_logs([{"number": number, "text": "é" * number} for number in range(20)])
    return path


def numbers(file: JournalFile, first: int = 0) -> list[int]:
    return [entry["number"] for entry in file.read_logs(first)]


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
def test_a_journal_is_read_in_blocks_and_never_twice(written: Any, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(journal, "BLOCK", block)
    file, reader = JournalFile(written, Lock(written)), JournalFile(written, Lock(written))
    assert numbers(reader) == list(range(20))
    assert numbers(reader, 20) == []
    file.append_logs([{"number": 20}, {"number": 21}])
    assert numbers(reader, 20) == [20, 21]
    assert numbers(reader, 15) == list(range(15, 22))


def test_a_reader_that_stops_at_an_entry_goes_on_behind_it(written: Any) -> None:
    file = JournalFile(written, Lock(written))
    entries = file.read_logs(0)
    assert [next(entries)["number"] for _ in range(3)] == [0, 1, 2]
    assert numbers(file, 3) == list(range(3, 20))


def test_many_lines_are_decoded_at_once(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loads, decoded = json.loads, []

    def counted(text: str) -> Any:
        decoded.append(text)
        return loads(text)

    monkeypatch.setattr(json, "loads", counted)
    assert numbers(JournalFile(written, Lock(written))) == list(range(20))
    assert len(decoded) == 1


@pytest.mark.parametrize("tail", [b'{"number": 20', b'{"number": 20}, {"number"', b'{"number": 20, "text": "\xc3'])
def test_an_entry_that_is_being_written_is_read_once_it_is_whole(written: Any, tail: bytes) -> None:
    whole = written.read_bytes()
    file = JournalFile(written, Lock(written))
    written.write_bytes(whole + tail)
    assert numbers(file) == list(range(20))
    assert numbers(file, 20) == []
    written.write_bytes(whole + b'{"number": 20}\n')
    assert numbers(file, 20) == [20]


@pytest.mark.parametrize("line", [b"{\n", b'{"number": 1}, {"number": 2}\n', b"\xff\n", b"\n"])
def test_a_line_that_is_no_entry_is_an_error_unless_it_is_the_last(written: Any, line: bytes) -> None:
    whole = written.read_bytes()
    written.write_bytes(whole + line)
    assert numbers(JournalFile(written, Lock(written))) == list(range(20))
    written.write_bytes(whole + line + b'{"number": 21}\n')
    with pytest.raises(ValueError, match=r"."):
        numbers(JournalFile(written, Lock(written)))
