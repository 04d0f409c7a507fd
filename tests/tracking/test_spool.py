import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tracking import spool as module
from lrlab.tracking.spool import Destination, Spool

PLACE = Destination("http://host:1", "lrlab")


def drain(spool: Spool) -> list[int]:
    found = []
    while waiting := spool.waiting():
        found += [each.entry["n"] for each in waiting]
        spool.remove(waiting)
    return found


def left_behind(folder: Path) -> list[list[int]]:
    found = []
    for spool in Spool.orphaned(folder):
        assert spool.destination == PLACE
        found.append(drain(spool))
        spool.close()
    return found


def test_records_come_out_in_order_and_an_empty_spool_leaves_no_file(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path / "spool", PLACE)
    short = spool.path.stat().st_size
    for n in range(3):
        spool.add({"n": n, "long": "x" * 100_000})
    assert len(spool) == 3
    assert drain(spool) == [0, 1, 2]
    assert spool.empty
    assert spool.path.stat().st_size == short
    spool.add({"n": 3})
    assert drain(spool) == [3]
    spool.close()
    spool.close()
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_spool_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path, PLACE)
    spool.add({"n": 0})
    assert left_behind(tmp_path) == []
    spool.close()
    assert left_behind(tmp_path) == [[0]]
    assert left_behind(tmp_path) == []


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path / "spool", PLACE)
    assert spool.path.stat().st_mode & 0o077 == 0
    assert spool.path.parent.stat().st_mode & 0o077 == 0
    spool.close()


KILLED = """
import os, sys
from pathlib import Path
from lrlab.tracking.spool import Destination, Spool
spool = Spool.create(Path(sys.argv[1]), Destination("http://host:1", "lrlab"))
for n in range(5):
    spool.add({"n": n})
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_process_wrote_is_there_but_for_a_torn_end(tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)]).returncode == -9
    (path,) = tmp_path.glob("*.jsonl")
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert left_behind(tmp_path) == [[0, 1, 2, 3]]


def test_a_full_disk_is_an_error_and_takes_nothing_with_it(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path, PLACE)
    spool.add({"n": 0})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        with pytest.raises(
            InputError, match=r"^the spool .*\.jsonl cannot be written: File too large; free some space there"
        ):
            spool.add({"n": 1, "long": "x" * 1000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    spool.add({"n": 2})
    assert drain(spool) == [0, 2]
    spool.close()


def test_what_is_refused_is_set_aside(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path, PLACE)
    spool.dead_letter({"n": 1}, "no such run")
    spool.close()
    (path,) = tmp_path.iterdir()
    assert json.loads(path.read_text()) == {"reason": "no such run", "n": 1}


def test_whoever_takes_over_goes_on_where_the_delivery_ended(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path, PLACE)
    for n in range(6):
        spool.add({"n": n})
    waiting = spool.waiting()
    spool.remove([waiting[0], waiting[1], waiting[4]])  # several are delivered at once
    spool.add({"n": 6})
    assert len(spool) == 4
    assert [each.entry["n"] for each in spool.waiting()] == [2, 3, 5, 6]
    spool.close()
    (after,) = Spool.orphaned(tmp_path)
    assert [each.entry["n"] for each in after.waiting()] == [2, 3, 4, 5, 6]  # in order: 4 is delivered again
    assert len(after) == 5
    assert drain(after) == [2, 3, 4, 5, 6]
    after.close()
    assert list(tmp_path.iterdir()) == []


def test_what_may_have_been_delivered_is_doubtful_and_nothing_else(tmp_path: Path) -> None:
    spool = Spool.create(tmp_path, PLACE)
    spool.add({"n": 0})
    assert [each.doubtful for each in spool.waiting()] == [False]
    spool.add({"n": 1})
    assert [each.doubtful for each in spool.waiting()] == [True, False]
    spool.add({"n": 2})
    spool.close()
    (after,) = Spool.orphaned(tmp_path)
    assert [each.doubtful for each in after.waiting()] == [True, True, False]
    after.close()


def test_a_spool_of_an_earlier_version_is_taken_over_and_all_of_it_is_doubtful(tmp_path: Path) -> None:
    path = tmp_path / "2026-01-31_12-00-00_00000000.jsonl"
    path.write_text('{"uri":"http://host:1","experiment":"lrlab"}\n{"n":0}\n{"n":1}\n{"n"')
    (spool,) = Spool.orphaned(tmp_path)
    waiting = spool.waiting()
    assert (spool.destination, [each.doubtful for each in waiting]) == (PLACE, [True, True])
    spool.remove(waiting[:1])
    spool.close()
    assert path.read_text().startswith('{"uri":"http://host:1","experiment":"lrlab"}\n{"n":0}')
    assert left_behind(tmp_path) == [[0, 1]]


def test_more_than_is_read_at_once_comes_out_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 50)
    spool = Spool.create(tmp_path, PLACE)
    for n in range(20):
        spool.add({"n": n, "long": "x" * (200 if n % 3 == 0 else 1)})
    assert drain(spool) == list(range(20))
    spool.close()
