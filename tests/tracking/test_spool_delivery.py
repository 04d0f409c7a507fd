"""Delivery from a real spool to a real store, without threads; test_spooling_store.py has the server that fails."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import pytest

from lrlab.errors import InputError
from lrlab.tracking.client_store import ClientStore
from lrlab.tracking.database import address
from lrlab.tracking.spool import Destination, Spool
from lrlab.tracking.spool_delivery import SpoolDelivery
from lrlab.tracking.spooling_store import SpoolingStore
from lrlab.tracking.store import RunSpec
from lrlab.tracking.tags import Tag

pytestmark = pytest.mark.filterwarnings("ignore")  # of MLflow's libraries
HERE, ELSEWHERE = Destination("http://host:1", "lrlab"), Destination("http://host:2", "lrlab")
PARENT, CHILD = "spooled-parent", "spooled-child"
Fill = Callable[..., Spool]


def create(local_id: str, **tags: str) -> dict:
    run = RunSpec(1, {"x": "1"}, {Tag.NAME: local_id, **tags}, None)
    return {"verb": "create", "run": local_id, **asdict(run)}


def write(run: str, status: str | None = None) -> dict:
    return {"verb": "write", "run": run, "points": [["loss", 0.5, 7, 3]], "tags": {"a": "b"}, "status": status}


ATTACH = {"verb": "attach", "run": CHILD, "files": {"config.yaml": "eDogMQo="}}
WHOLE = (create(PARENT), create(CHILD, **{Tag.PARENT: PARENT}), write(CHILD), ATTACH, write(CHILD, "FINISHED"))


class Deliverer(SpoolDelivery):
    """A process that delivers to a store that can be away."""

    def __init__(self, store: ClientStore) -> None:
        self.remote, self.away, self.stopped = store, False, threading.Event()
        super().__init__(self.reach)

    def reach(self) -> ClientStore:
        if self.away:
            raise InputError("the store is away")
        return self.remote

    def assert_whole(self) -> None:
        (record,) = self.remote.child_runs(self.remote_id(PARENT))
        assert (record.run_id, record.name, record.status) == (self.remote_id(CHILD), CHILD, "FINISHED")
        assert (record.params, record.config, record.metrics) == ({"x": "1"}, "x: 1\n", {"loss": [(3, 0.5)]})
        assert (record.tags["a"], record.tags[Tag.SPOOLED_AS]) == ("b", CHILD)


@pytest.fixture
def one(outputs: str) -> Deliverer:
    return Deliverer(ClientStore(address(None, outputs), "lrlab", str(Path(outputs) / "mlartifacts")))


@pytest.fixture
def fill(tmp_path: Path) -> Iterator[Fill]:
    with ExitStack() as opened:

        def filled(*entries: dict, destination: Destination = HERE) -> Spool:
            spool = Spool.create(tmp_path / "spool", destination)
            opened.callback(spool.close)
            for entry in entries:
                spool.add(entry)
            return spool

        yield filled


def test_every_entry_arrives_and_again_it_changes_nothing(one: Deliverer, fill: Fill) -> None:
    for process in (one, Deliverer(one.remote)):  # the first died before it took them from the spool
        spool = fill(*WHOLE)
        assert process.deliver(spool, one.stopped)
        assert spool.empty
        process.assert_whole()


def test_what_cannot_be_delivered_waits_and_the_reason_is_kept(one: Deliverer, fill: Fill) -> None:
    spool, one.away = fill(*WHOLE), True
    assert not one.deliver(spool, one.stopped)
    assert (len(spool), one.last_error) == (len(WHOLE), "the store is away")
    one.away = False
    assert one.deliver(spool, one.stopped)
    assert one.last_error == ""
    one.assert_whole()


def test_a_run_whose_answer_was_lost_is_there_once(one: Deliverer, fill: Fill) -> None:
    for _ in range(3):
        one.remote.create_run(RunSpec(1, {}, {Tag.NAME: "parent", Tag.SPOOLED_AS: PARENT}, None))
    assert one.deliver(fill(*WHOLE), one.stopped)
    one.assert_whole()
    assert [run.run_id for run in one.remote.unfinished_runs()] == [one.remote_id(PARENT)]


def test_a_child_waits_for_the_parent_that_another_process_creates(one: Deliverer, fill: Fill) -> None:
    child = fill(*WHOLE[1:])
    assert not one.deliver(child, one.stopped)
    assert one.last_error == f"run {PARENT} has not been delivered yet"
    assert Deliverer(one.remote).deliver(fill(WHOLE[0]), one.stopped)
    assert one.deliver(child, one.stopped)
    one.assert_whole()


def test_of_a_run_that_cannot_be_created_everything_is_set_aside(one: Deliverer, fill: Fill) -> None:
    spool = fill(*WHOLE)
    one.remote._client.delete_experiment(one.remote._experiment)
    assert one.deliver(spool, one.stopped)
    assert len(spool.path.with_suffix(".refused").read_text().splitlines()) == len(WHOLE)


def test_of_dead_processes_only_what_is_meant_for_this_store(one: Deliverer, fill: Fill, tmp_path: Path) -> None:
    fill(*WHOLE).close()
    fill(write("0" * 32), destination=ELSEWHERE).close()
    alive = fill(create("spooled-alive"))
    here = SpoolingStore(one.reach, tmp_path / "spool", HERE)
    here.deliver()
    here.close()
    one.assert_whole()
    (left,) = Spool.orphaned(tmp_path / "spool")
    assert (left.destination, len(left), len(alive)) == (ELSEWHERE, 1, 1)
    left.close()


class Counting:
    """A store that takes note of each request."""

    def __init__(self, store: ClientStore) -> None:
        self.store, self.asked = store, list[str]()

    def __getattr__(self, name: str) -> object:
        self.asked.append(name)
        return getattr(self.store, name)


def test_what_waits_for_a_run_goes_together_and_what_is_not_doubtful_is_not_looked_for(
    one: Deliverer, fill: Fill
) -> None:
    counting = Counting(one.remote)
    one.remote = counting  # type: ignore[assignment]
    new = {**create("spooled-new"), "asked": False}
    assert one.deliver(
        fill(new, *(write("spooled-new") for _ in range(50)), write("spooled-new", "FINISHED")), one.stopped
    )
    assert counting.asked == ["new_run", "describe"]
    counting.asked.clear()
    asked = {**create("spooled-asked"), "asked": True}  # whose answer may have been lost
    assert one.deliver(fill(asked, write("spooled-asked")), one.stopped)
    assert counting.asked == ["delete_empty_duplicates", "find_run", "new_run", "describe"]


def test_one_run_in_trouble_does_not_keep_back_others(one: Deliverer, fill: Fill) -> None:
    orphan = create("spooled-orphan", **{Tag.PARENT: "spooled-elsewhere"})
    spool = fill(orphan, write("spooled-orphan"), *WHOLE)
    assert not one.deliver(spool, one.stopped)
    one.assert_whole()
    assert [each.entry["run"] for each in spool.waiting()] == ["spooled-orphan"] * 2


def test_of_a_run_only_the_entry_that_is_refused_is_set_aside(one: Deliverer, fill: Fill) -> None:
    refused = {**write(CHILD), "points": [["bad*name", 0.5, 7, 3]]}
    spool = fill(*WHOLE[:3], refused, *WHOLE[3:])
    assert one.deliver(spool, one.stopped)
    one.assert_whole()
    (line,) = spool.path.with_suffix(".refused").read_text().splitlines()
    assert "bad*name" in line


def test_a_run_ends_when_it_ended_not_when_it_was_delivered(one: Deliverer, fill: Fill) -> None:
    spool = fill(*WHOLE[:2], {**write(CHILD, "FINISHED"), "time": 7000})
    assert one.deliver(spool, one.stopped)
    assert one.remote._client.get_run(one.remote_id(CHILD)).info.end_time == 7000


def test_a_process_that_dies_after_each_request_leaves_every_point_once(
    one: Deliverer, fill: Fill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed after the store has taken something, and before the spool forgets it."""
    fill(*({**each, "asked": False} for each in WHOLE)).close()
    for _ in range(3):
        (spool,) = Spool.orphaned(tmp_path / "spool")
        monkeypatch.setattr(spool, "remove", lambda _: None)
        dying = Deliverer(one.remote)
        for each in spool.waiting():
            dying._deliver_group(spool, [each])
        spool._file.close()  # nothing is removed
    (spool,) = Spool.orphaned(tmp_path / "spool")
    last = Deliverer(one.remote)
    assert last.deliver(spool, last.stopped)
    last.assert_whole()
    spool.close()
