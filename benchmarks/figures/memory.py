"""Peak memory of a worker over the images that all of them share."""

from collections.abc import Sequence
from functools import partial

from benchmarks.bench import Bench
from benchmarks.measurement import Row
from benchmarks.memory import Peaks
from benchmarks.results import Result
from benchmarks.systems.lrlab import Lrlab
from benchmarks.systems.system import System, sweep
from benchmarks.systems.torch import HydraTorch, OptunaTorch
from benchmarks.workloads import Sweep, data_file


def measure(bench: Bench) -> Result:
    """The largest worker of a sweep, two of them, full width; linear and MLP."""
    sides: Sequence[System] = (Lrlab(), OptunaTorch(bench), HydraTorch(bench))
    rows = []
    for model in ("linear", "mlp"):
        work = bench.size(Sweep(model, trials=128, epochs=1), Sweep(model, trials=4, epochs=1, train_size=2000))
        samples = bench.alternate({side.name: partial(largest, bench, side, work) for side in sides})
        what = f"largest worker, {model}, {work.trials} trials"
        ours, *peers = (side.name for side in sides)
        for peer in peers:
            rows.append(Row("memory", what, "MB", samples[ours], peer, samples[peer]))
        rows.append(Row("memory", what, "MB", samples[ours], at_most=300.0, at={"model": model}))
    return Result(rows)


def largest(bench: Bench, side: System, work: Sweep, seed: int) -> float:
    """Peak megabytes of the largest worker."""
    peaks = Peaks(data_file().parent)
    sweep(bench, side, work, seed, peaks.look)
    return max(peaks.bytes.values()) / 1e6
