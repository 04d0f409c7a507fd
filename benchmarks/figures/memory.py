"""Peak memory of a worker over the images that all of them share."""

from collections.abc import Sequence
from functools import partial

from benchmarks.bench import Bench
from benchmarks.measurement import Measurement
from benchmarks.memory import Peaks
from benchmarks.result_files import Result
from benchmarks.systems.lrlab import Lrlab
from benchmarks.systems.system import System, sweep
from benchmarks.systems.torch import HydraTorch, OptunaTorch
from benchmarks.workloads import Sweep, data_file


def measure(bench: Bench) -> Result:
    """The largest worker of a sweep, two of them, full width; linear and MLP."""
    systems: Sequence[System] = (Lrlab(), OptunaTorch(bench), HydraTorch(bench))
    measurements = []
    for model in ("linear", "mlp"):
        work = bench.size(Sweep(model, trials=128, epochs=1), Sweep(model, trials=4, epochs=1, train_size=2000))
        samples = bench.alternate({system.name: partial(largest, bench, system, work) for system in systems})
        what = f"largest worker, {model}, {work.trials} trials"
        ours, *peers = (system.name for system in systems)
        measurements += [Measurement("memory", what, "MB", samples[ours], peer, samples[peer]) for peer in peers]
        measurements.append(Measurement("memory", what, "MB", samples[ours], at_most=300.0, at={"model": model}))
    return Result(measurements)


def largest(bench: Bench, system: System, work: Sweep, seed: int) -> float:
    """Peak megabytes of the largest worker."""
    peaks = Peaks(data_file().parent)
    sweep(bench, system, work, peaks.look)
    return peaks.largest_worker
