"""The parts of benchmarks/ that need no peer: ratios, the table, the plot, what is checked, the engine's cells."""

import io
import json
import math
import os
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from benchmarks import first_update, machine, memory, processes, profile, results
from benchmarks.__main__ import FIGURES, parser
from benchmarks.bench import Bench
from benchmarks.figures import engine
from benchmarks.measurement import Measurement
from benchmarks.plot import PANELS, draw
from benchmarks.progress import watching
from benchmarks.results import Result
from benchmarks.store import Unequal, best, complete, trained, updates
from benchmarks.table import table
from benchmarks.workloads import METRICS, Sweep

COST = Measurement("linear", "a sweep", "s", (2.0, 9.0, 4.0), "Optuna 5 + PyTorch", (20.0, 30.0, 10.0), at_least=5.0)
RATE = Measurement("engine", "K = 8", "GFLOP/s", (60.0,), "SGEMM peak", (80.0,), at_least=0.8)
ALONE = Measurement("digits", "1,000 trials", "s", (70.0, 50.0), at_most=60.0)


@pytest.mark.parametrize(
    ("m", "expected", "met"),
    [
        (COST, 20 / 4, True),
        (replace(COST, at_least=5.1), 5.0, False),
        (RATE, 60 / 80, False),
        (ALONE, 60.0, True),
        (replace(ALONE, at_most=None), 60.0, None),
    ],
)
def test_result_is_the_ratio_of_the_medians_and_more_is_better(
    m: Measurement, expected: float, met: bool | None
) -> None:
    assert m.result == expected
    assert m.met is met


def test_table_shows_medians_ranges_ratios_and_targets() -> None:
    console = Console(width=160, file=io.StringIO())
    with console.capture() as captured:
        console.print(table([COST, RATE, ALONE], "full"))
    lines = [line.split("│") for line in captured.get().splitlines() if "│" in line]
    cells = [[cell.strip() for cell in line[1:-1]] for line in lines]
    assert cells == [
        ["linear", "a sweep", "4 s (2 to 9)", "Optuna 5 + PyTorch", "20 s (10 to 30)", "5.00 x", ">= 5.00 x"],
        ["engine", "K = 8", "60 GFLOP/s", "SGEMM peak", "80 GFLOP/s", "75 %", ">= 80 %"],
        ["digits", "1,000 trials", "60 s (50 to 70)", "", "", "60 s", "<= 60 s"],
    ]


def test_results_come_back_from_their_files(tmp_path: Path) -> None:
    results.save(tmp_path, "linear", Result([COST], ["equal"]), {"cores": 2})
    results.save(tmp_path, "digits", Result([ALONE]), {"cores": 2})
    found = results.load(tmp_path)
    assert [m.result for m in found["linear"].measurements] == [COST.result]
    assert found["linear"].notes == ["equal"]
    document = json.loads((tmp_path / "digits.json").read_text())
    assert (document["measurements"][0]["result"], document["measurements"][0]["met"]) == (60.0, True)


def test_every_kind_of_panel_can_be_drawn() -> None:
    at: dict[str, dict[str, Any]] = {
        "linear": {},
        "engine": {"width": 8, "batches": [64], "optimizer": "sgd"},
        "overhead": {"trials": 100, "part": "study"},
        "growth": {"trials": 100},
        "search": {},
    }
    assert {PANELS[figure][1] for figure in at} == {panel for _, panel in PANELS.values()}
    assert set(PANELS) <= set(FIGURES)
    measurements = [replace(COST, figure=figure, at=position) for figure, position in at.items()]
    assert draw({"all": Result(measurements)}, machine.about()).startswith(b"\x89PNG")


def test_systems_alternate_and_take_turns_in_beginning(tmp_path: Path) -> None:
    said: list[str] = []

    def sampler(name: str, number: int) -> float:
        said.append(f"{name}{number}")
        return float(number)

    with watching("test") as watch:
        bench = Bench(tmp_path, quick=True, repeats=3, watch=watch)
        samples = bench.alternate({name: partial(sampler, name) for name in "ab"})
    assert said == ["a0", "b0", "b1", "a1", "a2", "b2"]
    assert samples == {"a": [0.0, 1.0, 2.0], "b": [0.0, 1.0, 2.0]}


def test_store_holds_what_was_trained_and_too_little_is_refused(tmp_path: Path) -> None:
    trials = {f"trial {number}": {"batch_size": 64 * (number + 1)} for number in range(2)}
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store, store:
        store.execute("CREATE TABLE runs (run_uuid, status, start_time)")
        store.execute("CREATE TABLE params (run_uuid, key, value)")
        store.execute("CREATE TABLE metrics (run_uuid, key, value, timestamp, step)")
        for number, (run, params) in enumerate({"sweep": {}, **trials, "cut off": {"batch_size": 64}}.items()):
            status = "RUNNING" if run == "cut off" else "FINISHED"
            store.execute("INSERT INTO runs VALUES (?, ?, ?)", (run, status, number))
            store.executemany("INSERT INTO params VALUES (?, ?, ?)", [(run, *param) for param in params.items()])
            for epoch in (2, 1):
                values = {**dict.fromkeys(METRICS, 0.5), "val/loss": 1 / (epoch + number), "another": 0.0}
                points = [(run, name, value, 1000 * epoch, epoch) for name, value in values.items()]
                store.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?)", points)
    runs = trained(tmp_path / "mlflow.db")
    complete("lrlab", runs, trials=2, epochs=2)
    assert best(runs, "val/loss") == 1 / 4
    assert [run.times for run in runs] == [[1.0, 2.0]] * 2
    assert updates(runs, Sweep("linear", trials=2, epochs=2, train_size=256)) == 2 * (4 + 2) / 2
    with pytest.raises(Unequal, match="lrlab finished 2 of 3 trials"):
        complete("lrlab", runs, trials=3, epochs=2)
    with pytest.raises(Unequal, match="logged 16 values of a trial, not 24"):
        complete("lrlab", runs, trials=2, epochs=3)


def test_rate_counts_the_multiplies_of_every_member(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = engine.Cell(4, (32, 64), "adamw")
    population = engine.full_population(cell, ["data=digits", "epochs=1"])
    assert [member.experiment.batch_size for member in population.members] == [32, 64, 32, 64]
    assert (population.width, population.microbatch) == (4, 32)
    monkeypatch.setattr(engine, "time", SimpleNamespace(perf_counter=iter((0.0, 2.0)).__next__))  # pytest has the other
    samples = 4 * 1077 + 2 * 360
    assert engine.rate(population) == pytest.approx(4 * 64 * 10 * samples / 2 / 1e9)
    assert [member.epoch for member in population.members] == [1] * 4


def test_peak_is_a_rate() -> None:
    assert 0 < engine.peak(side=64) < math.inf


def test_clock_books_each_second_to_the_innermost_component(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    class Shop:
        def outer(self) -> None:
            now[0] += 1
            self.inner()
            now[0] += 2

        def inner(self) -> None:
            now[0] += 4

    monkeypatch.setattr(time, "thread_time", lambda: now[0])
    monkeypatch.setattr(time, "process_time", lambda: now[0])
    monkeypatch.setattr(sys.modules[__name__], "Shop", Shop, raising=False)
    clock = profile.Clock()
    clock.wrap(f"{__name__}:Shop.outer", "out")
    clock.wrap(f"{__name__}:Shop.inner", "in")
    now[0] += 8
    Shop().outer()
    assert clock.read() == {"loop": 8.0, "out": 3.0, "in": 4.0, "display": 0.0}


def test_every_profiled_function_exists() -> None:
    for target in (profile.CHECKED, *(target for targets in profile.COMPONENTS.values() for target in targets)):
        assert callable(profile.located(target)[2])


def test_first_update_is_noted_once_and_is_sgd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(first_update.FOLDER, str(tmp_path))
    optimizer = first_update.FirstUpdate(lr=0.5)
    w, g = np.ones(3), np.full(3, 2.0)
    for _ in range(2):
        optimizer.update(w, g.copy(), optimizer.init(w), 0.5, 1, np.empty(3))
    np.testing.assert_array_equal(w, -np.ones(3))
    assert len(first_update.first_updates(tmp_path)) == 1


def test_memory_leaves_the_shared_files_out(tmp_path: Path) -> None:
    smaps = tmp_path / "smaps"
    smaps.write_text(
        "7f00-7f01 r--s 00000000 fe:00 42                         /data/cifar10/x_train.npy\n"
        "Rss:              614400 kB\nPss:              307200 kB\n"
        "7f02-7f03 rw-p 00000000 00:00 0                          [heap]\n"
        "Rss:                2000 kB\nPss:                1500 kB\n"
    )
    assert memory.proportional(smaps, Path("/data")) == (1500 * 1024, True)
    assert memory.proportional(smaps, Path("/dat")) == ((1500 + 307200) * 1024, False)
    if memory.PROC.is_dir():
        assert os.getpid() in memory.tree(os.getpid())


def test_command_that_fails_says_how_it_ended(tmp_path: Path) -> None:
    with pytest.raises(processes.CommandFailed, match=r"ended with 3:\nno such luck"):
        processes.run([sys.executable, "-c", "print('no such luck'); raise SystemExit(3)"], tmp_path / "log")
    finished = processes.run([sys.executable, "-c", "print('done')"], tmp_path / "log", look=lambda pid: None)
    assert (tmp_path / "log").read_text() == "done\n"
    assert finished.cpu > 0
    assert finished.seconds > 0


def test_help_names_every_figure() -> None:
    shown = parser().format_help()
    assert all(figure in shown for figure in FIGURES)
