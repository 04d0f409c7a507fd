"""From the command to the verdict: `lrlab sweep linear_scaling` with `lrlab report`, and `lrlab lecture`."""

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks import processes
from benchmarks.bench import Bench
from benchmarks.measurement import Measurement
from benchmarks.result_files import Result
from benchmarks.systems.lrlab import COMMAND
from lrlab.tracking.tags import Tag

SWEEPS = {  # overrides: target in seconds
    ("data=cifar10",): 75.0,
    ("data=cifar10", "optimizer=adam", "model=mlp"): 360.0,
}
RATES = "optimizer.lr=tag(bracket,choice({}))"
ADAM = RATES.format("0.0005,0.001,0.002,0.004,0.008")  # where the tutorial begins: lower than with SGD
QUICK = (
    "data.train_size=2000",
    "epochs=1",
    "batch_size=choice(64,128,256)",
    "seed=0,1",
    RATES.format("0.002,0.004,0.008,0.016"),
)


def measure(bench: Bench) -> Result:
    """The question's two forms, and the lecture."""
    verdicts: dict[str, list[str]] = {}
    targets = {f"lrlab sweep linear_scaling {' '.join(given)}, report": (given, s) for given, s in SWEEPS.items()}
    cases = {
        what: lambda number, what=what, given=given: _sweep(bench, given, verdicts.setdefault(what, []))
        for what, (given, _) in targets.items()
    }
    lecture = bench.size({"lrlab lecture": lambda number: _lecture(bench)}, {})  # it has one size, of minutes
    samples = bench.alternate(cases | lecture)
    measurements = [
        Measurement("verdict", what, "s", seconds, at_most=targets[what][1] if what in targets else None)
        for what, seconds in samples.items()
    ]
    return Result(measurements, [f"{what}: {', '.join(each)}" for what, each in verdicts.items()])


def _sweep(bench: Bench, given: Sequence[str], verdicts: list[str]) -> float:
    """Seconds of the sweep and its report; notes the verdict."""
    outputs = _folder(bench)
    rates = [ADAM] if "optimizer=adam" in given else []
    overrides = [*given, *rates, f"outputs={outputs}", *bench.size((), QUICK)]
    swept = processes.run([*COMMAND, "sweep", "linear_scaling", *overrides], outputs.parent / "log")
    reported = processes.run([*COMMAND, "report", f"--outputs={outputs}"], outputs.parent / "report-log")
    with closing(sqlite3.connect(outputs / "mlflow.db")) as store:
        verdicts += [verdict for (verdict,) in store.execute("SELECT value FROM tags WHERE key = ?", (Tag.VERDICT,))]
    return swept.seconds + reported.seconds


def _lecture(bench: Bench) -> float:
    outputs = _folder(bench)
    return processes.run([*COMMAND, "lecture", f"--outputs={outputs}"], outputs.parent / "log").seconds


def _folder(bench: Bench) -> Path:
    """An empty one, for the outputs."""
    folder = bench.folder / "verdict"
    shutil.rmtree(folder, ignore_errors=True)
    return folder / "outputs"
