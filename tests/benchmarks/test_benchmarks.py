"""The parts of benchmarks/ that need no peer: ratios, the table, the engine's cells, what is seen of processes."""

import io
import math
import os
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from benchmarks import first_update, kernels, memory, processes, profile
from benchmarks.__main__ import parser
from benchmarks.bench import Bench
from benchmarks.figures import FIGURES, engine
from benchmarks.measurement import Measurement
from benchmarks.peak import peak, peaks_together
from benchmarks.progress import watching
from benchmarks.result_files import Result
from benchmarks.table import table
from lrlab.runtime.blas_kernel import VARIABLE

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
    console = Console(width=180, file=io.StringIO())
    with console.capture() as captured:
        console.print(table([Result([COST, RATE], about={"blas_kernel": "Haswell"}), Result([ALONE])], "0.1.0"))
    lines = [line.split("│") for line in captured.get().splitlines() if "│" in line]
    cells = [[cell.strip() for cell in line[1:-1]] for line in lines]
    assert cells == [
        [
            "linear",
            "Haswell",
            "a sweep",
            "4 s (2 to 9)",
            "Optuna 5 + PyTorch",
            "20 s (10 to 30)",
            "5.00 x",
            ">= 5.00 x",
        ],
        ["", "", "K = 8", "60 GFLOP/s", "SGEMM peak", "80 GFLOP/s", "75 %", ">= 80 %"],
        ["digits", "", "1,000 trials", "60 s (50 to 70)", "", "", "60 s", "<= 60 s"],
    ]


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


def test_rate_counts_the_multiplies_of_every_member(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = engine.Cell(4, (32, 64), "adamw")
    population = engine.full_population(cell, ["data=digits", "epochs=1"])
    assert [member.experiment.batch_size for member in population.members] == [32, 64, 32, 64]
    assert (population.width, population.microbatch) == (4, 32)
    monkeypatch.setattr(engine, "time", SimpleNamespace(perf_counter=iter((0.0, 2.0)).__next__))  # pytest has the other
    samples = 4 * 1077 + 2 * 360
    assert engine.rate(population) == pytest.approx(4 * 64 * 10 * samples / 2 / 1e9)
    assert [member.epoch for member in population.members] == [1] * 4


def test_peak_is_a_rate_of_each_process() -> None:
    assert 0 < peak(side=64) < math.inf
    rates = peaks_together(2, products=2, side=64)
    assert len(rates) == 2
    assert all(0 < rate < math.inf for rate in rates)


def test_cells_with_a_target_come_first_and_once() -> None:
    cells = [*engine._full()]
    assert [(cell.optimizer, cell.width, cell.batches, cell.target) for cell in cells[:4]] == [
        ("sgd", 32, (256,), 0.85),
        ("adamw", 32, (256,), 0.78),
        ("sgd", 32, (32,), 0.65),
        ("adamw", 32, (32,), 0.50),
    ]
    assert len({str(cell) for cell in cells}) == len(cells) == 1 + 4 * 4 * 6


@pytest.mark.parametrize(
    ("given", "asked", "begins_again_with"),
    [(None, None, "nothing"), ("Haswell", "Haswell", "nothing"), ("Haswell", None, None), (None, "Zen", "Zen")],
)
def test_program_begins_again_with_the_kernels_that_were_asked_for(
    monkeypatch: pytest.MonkeyPatch, given: str | None, asked: str | None, begins_again_with: str | None
) -> None:
    begun: list[str | None] = []
    monkeypatch.setattr(os, "execve", lambda program, arguments, environment: begun.append(environment.get(VARIABLE)))
    monkeypatch.setenv(VARIABLE, given) if given else monkeypatch.delenv(VARIABLE, raising=False)
    kernels.ensure(asked, ["engine"])
    assert begun == ([] if begins_again_with == "nothing" else [begins_again_with])


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
        peaks = memory.Peaks(tmp_path)
        peaks.look(os.getpid())
        assert peaks.largest > 1  # MB
        assert not peaks.workers


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
