import multiprocessing
import os
from typing import Any

import optuna
import pytest

from lrlab.sweeper.study.journal import Lock
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
