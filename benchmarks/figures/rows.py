"""A CSV file of 500,000 rows of 100 columns, read and trained on beside pandas and PyTorch: time and peak memory.

The parts of the table are drawn by each system, equally large.
"""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import environments, processes
from benchmarks.bench import Bench
from benchmarks.environments import PEERS
from benchmarks.equality import Unequal, complete
from benchmarks.measurement import Measurement
from benchmarks.memory import Peaks
from benchmarks.result_files import Result
from benchmarks.store import Logged, trained
from benchmarks.systems.lrlab import COMMAND, Lrlab
from benchmarks.systems.system import Command, System
from benchmarks.systems.torch import OptunaTorch
from benchmarks.workloads import HIDDEN
from lrlab.runtime.environment import cores

COLUMNS, CLASSES, BLOCK = 100, 10, 10_000
BATCH_SIZE, LR, STRENGTH = 256, 0.01, 1e-4
PEER = "pandas + PyTorch eager"
NOISE = 0.01  # in validation accuracy: the parts are not the same rows

Sample = tuple[float, float, Logged]  # seconds, megabytes, and what was trained


def measure(bench: Bench) -> Result:
    """From process start to end: nothing is prepared before."""
    rows, epochs = bench.size((500_000, 3), (20_000, 2))
    file = written(bench.folder / f"rows-{rows}.csv", rows)
    samples = bench.alternate(
        {
            "lrlab": lambda number: _ours(bench, file, epochs),
            PEER: lambda number: _theirs(bench, file, epochs),
        }
    )
    ours, theirs = samples["lrlab"], samples[PEER]
    note = _checked(ours[0][2], theirs[0][2])
    what = f"table of {rows:,} x {COLUMNS}, MLP, momentum, {epochs} epochs"
    return Result(
        [
            Measurement("rows", f"{what}: start to end", "s", [s for s, _, _ in ours], PEER, [s for s, _, _ in theirs]),
            Measurement("rows", f"{what}: peak memory", "MB", [m for _, m, _ in ours], PEER, [m for _, m, _ in theirs]),
        ],
        [f"the file has {file.stat().st_size / 1e6:.0f} MB; files that lrlab maps do not count as memory", note],
    )


def written(file: Path, rows: int) -> Path:
    """A table whose last column, label, is the largest of ten noisy sums of the others."""
    if not file.is_file():
        rng, part = np.random.default_rng(0), file.with_suffix(".part")
        weights = rng.standard_normal((COLUMNS, CLASSES))
        file.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w") as stream:
            for first in range(0, rows, BLOCK):
                x = rng.standard_normal((min(BLOCK, rows - first), COLUMNS))
                y = (x @ weights + 5 * rng.standard_normal((len(x), CLASSES))).argmax(1)
                block = pd.DataFrame(x, columns=[f"x{number}" for number in range(COLUMNS)]).assign(label=y)
                block.to_csv(stream, index=False, header=first == 0, float_format="%.4f")
        part.rename(file)
    return file


def _ours(bench: Bench, file: Path, epochs: int) -> Sample:
    folder = bench.folder / "rows-lrlab"
    outputs, cache = folder / "outputs", folder / "cache"
    command = [
        *(*COMMAND, "train", f"outputs={outputs}", "data=table", f"data.path={file}", "data.target=label"),
        *("model=mlp", f"model.hidden={list(HIDDEN['mlp'])}", "optimizer=momentum", "schedule=cosine"),
        *(f"optimizer.lr={LR}", f"regularizer.strength={STRENGTH}"),
        *(f"batch_size={BATCH_SIZE}", f"epochs={epochs}"),
    ]
    return _run(bench, Lrlab(), folder, command, Peaks(cache), epochs)


def _theirs(bench: Bench, file: Path, epochs: int) -> Sample:
    folder, peer = bench.folder / "rows-peer", OptunaTorch(bench)
    command: Command = [
        *(environments.python(bench, "optuna"), PEERS / "rows.py", f"--file={file}", f"--outputs={folder / 'outputs'}"),
        *(f"--lr={LR}", f"--strength={STRENGTH}", f"--batch-size={BATCH_SIZE}", f"--epochs={epochs}"),
        *(f"--threads={cores()}", "--hidden", *map(str, HIDDEN["mlp"])),
    ]
    return _run(bench, peer, folder, command, Peaks(folder / "nothing is mapped"), epochs)


def _run(bench: Bench, system: System, folder: Path, command: Command, peaks: Peaks, epochs: int) -> Sample:
    """Run a command with an empty cache and a store that is there."""
    shutil.rmtree(folder, ignore_errors=True)
    outputs, cache = folder / "outputs", folder / "cache"
    outputs.mkdir(parents=True)
    system.create_store(outputs)
    finished = processes.run(command, folder / "log", {"XDG_CACHE_HOME": str(cache)}, peaks.look)
    runs = trained(outputs / "mlflow.db")
    complete(system.name, runs, 1, epochs)
    shutil.rmtree(folder)
    return finished.seconds, peaks.largest, runs[0]


def _checked(ours: Logged, theirs: Logged) -> str:
    """How close the results are, in words.

    Raises:
        Unequal: the updates are not as many, or the accuracies are further apart than the parts can put them.
    """
    note = ", ".join(f"{name} {ours.last[name]:.4f} and {theirs.last[name]:.4f}" for name in ours.last)
    far = abs(ours.last["val/accuracy"] - theirs.last["val/accuracy"]) > NOISE
    if ours.last["updates"] != theirs.last["updates"] or far:
        raise Unequal(f"lrlab and {PEER} did not do the same: {note}")
    return f"the same training in lrlab and in {PEER}: {note}"
