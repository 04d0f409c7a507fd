"""All systems train the same configurations, and what they logged proves it."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from benchmarks.equality import Unequal, complete, same_losses, same_work
from benchmarks.store import Logged, best, trained
from benchmarks.systems.lrlab import Lrlab
from benchmarks.workloads import METRICS, SPACES, Configuration, Sweep, configurations, write_configurations

WORK = Sweep("linear", trials=7, epochs=2, train_size=1000)


def logged(configuration: Mapping[str, Any], loss: float = 1.5, **changed: Any) -> Logged:
    """A training of WORK as a peer logs it."""
    params = {name: str(value) for name, value in configuration.items()}
    updates = WORK.epochs * -(-WORK.train_size // int(configuration["batch_size"]))
    last = {"updates": float(updates), "val/loss": loss}
    run = Logged("FINISHED", params, last, [1.0, 2.0], [2.0, loss], len(METRICS) * WORK.epochs)
    return replace(run, **changed)


@pytest.mark.parametrize("model", SPACES)
def test_configurations_lie_in_the_space_and_are_always_the_same(model: str, tmp_path: Path) -> None:
    work = Sweep(model, trials=40, epochs=1)
    points, space = configurations(work), work.space
    assert points == configurations(work) == json.loads(write_configurations(work, tmp_path).read_text())
    assert len({point["lr"] for point in points}) == len(points) == 40
    for point in points:
        assert space.lr[0] <= point["lr"] <= space.lr[1]
        assert space.warmup[0] <= point["warmup"] <= space.warmup[1]
        if space.strength:
            assert space.strength[0] <= point["strength"] <= space.strength[1]
        else:
            assert point["strength"] == 0
    counts = [sum(point["batch_size"] == size for point in points) for size in space.batch_sizes]
    assert counts == [40 // len(space.batch_sizes)] * len(space.batch_sizes)


@pytest.mark.parametrize("model", SPACES)
def test_lrlab_is_given_the_configurations_to_the_last_digit(model: str, tmp_path: Path) -> None:
    work = Sweep(model, trials=5, epochs=1)
    enqueue = next(
        str(part) for part in Lrlab().sweep(work, tmp_path) if str(part).startswith("hydra.sweeper.enqueue=")
    )
    points: Any = OverridesParser.create().parse_override(enqueue).value()
    names = {"optimizer.lr": "lr", "schedule.warmup": "warmup", "regularizer.strength": "strength"}
    given = [{names.get(key, key): value for key, value in point.items()} for point in points]
    fixed = {} if work.space.strength else {"batch_size": 128, "strength": 0.0}
    assert [point | fixed for point in given] == [dict(point) for point in configurations(work)]


def test_same_work_is_accepted_in_any_order() -> None:
    same_work("a peer", [logged(point) for point in reversed(configurations(WORK))], WORK)


def test_other_work_is_refused() -> None:
    points = configurations(WORK)
    runs = [logged(point) for point in points]
    nudged = Configuration(**{**points[3], "lr": points[3]["lr"] * (1 + 1e-15)})
    for others, said in (
        (runs[:-1], "a peer finished 6 of 7 trials"),
        ([*runs[:-1], replace(runs[-1], status="KILLED")], "a peer finished 6 of 7 trials"),
        ([*runs[:-1], replace(runs[-1], points=3)], "a peer logged 3 values of a trial, not 18"),
        ([*runs[:-1], runs[0]], "a peer did not train"),
        ([*runs[:3], logged(nudged), *runs[4:]], "a peer did not train"),
        ([*runs[:-1], replace(runs[-1], last={**runs[-1].last, "updates": 1.0})], "a peer made 1 updates of"),
    ):
        with pytest.raises(Unequal, match=said):
            same_work("a peer", others, WORK)


def test_losses_of_the_same_configurations_must_agree() -> None:
    points = configurations(WORK)
    ours = [logged(point, 1.5) for point in points]
    close = [logged(point, 1.5 + 1e-6 * number) for number, point in enumerate(points)]
    (note,) = same_losses({"lrlab": ours, "a peer": close[::-1]}, "linear")
    assert "lrlab and a peer: differ by 3.0e-06 in the median, 6.0e-06 at most (of 7)" in note
    assert "diverged: 0" in note
    with pytest.raises(Unequal, match=r"5\.0e-03 in the median"):
        same_losses({"lrlab": ours, "a peer": [logged(point, 1.505) for point in points]}, "linear")


def test_where_one_diverged_or_the_order_is_another_losses_may_differ() -> None:
    points = configurations(WORK)
    ours = [logged(point, 1.5) for point in points[:2]] + [logged(point, 1.5, first_epoch=5) for point in points[2:]]
    theirs = [logged(points[0], float("nan")), logged(points[1], 1.5), *(logged(point, 1.6) for point in points[2:])]
    (note,) = same_losses({"lrlab": ours, "a peer": theirs}, "linear")
    assert "0.0e+00 in the median, 0.0e+00 at most (of 1) where the order of the samples is the same" in note
    assert "by 1.0e-01 in the median, 1.0e-01 at most (of 5) where it is not; diverged: 1" in note


def test_store_holds_what_was_trained_by_lrlab_or_a_peer(tmp_path: Path) -> None:
    peers = {"lr": 0.1, "warmup": 0.2, "strength": 1e-5, "batch_size": 64}
    ours = {"optimizer.lr": 0.1, "schedule.warmup": 0.2, "regularizer.strength": 1e-5, "batch_size": 64}
    runs: dict[str, dict[str, float]] = {"sweep": {}, "ours": ours, "peer": peers, "without L2": {**peers}}
    del runs["without L2"]["strength"]
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store, store:
        store.execute("CREATE TABLE runs (run_uuid, status, start_time)")
        store.execute("CREATE TABLE params (run_uuid, key, value)")
        store.execute("CREATE TABLE tags (run_uuid, key, value)")
        store.execute("CREATE TABLE metrics (run_uuid, key, value, timestamp, step)")
        store.execute("INSERT INTO tags VALUES ('ours', 'lrlab.provenance', '{\"first_epoch\": 5}')")
        for number, (run, params) in enumerate(runs.items()):
            store.execute("INSERT INTO runs VALUES (?, 'FINISHED', ?)", (run, number))
            store.executemany(
                "INSERT INTO params VALUES (?, ?, ?)", [(run, *map(str, each)) for each in params.items()]
            )
            for epoch in (2, 1):
                values = {**dict.fromkeys(METRICS, 0.5), "val/loss": 1 / (epoch + number), "another": 0.0}
                points = [(run, name, value, 1000 * epoch, epoch) for name, value in values.items()]
                store.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", points)
    found = trained(tmp_path / "mlflow.db")
    complete("lrlab", found, trials=3, epochs=2)
    assert best(found, "val/loss") == 1 / 5
    assert all(earlier == later == [1.0, 2.0] for earlier, later in pairwise(run.times for run in found))
    assert found[0].losses == [1 / 2, 1 / 3]
    assert [run.first_epoch for run in found] == [5, 0, 0]
    same = Configuration(lr=0.1, warmup=0.2, strength=1e-5, batch_size=64)
    assert [run.configuration for run in found] == [same, same, {**same, "strength": 0.0}]
