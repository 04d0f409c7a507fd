"""Start-up: from the command to the first update of the first trial, with the disk cache warm."""

import shutil
from functools import partial
from pathlib import Path

from benchmarks import processes
from benchmarks.bench import Bench
from benchmarks.first_update import FOLDER, first_updates
from benchmarks.measurement import Measurement
from benchmarks.result_files import Result
from benchmarks.systems.lrlab import Lrlab, sweep_command, workers


def measure(bench: Bench) -> Result:
    """One worker and two, on CIFAR-10, with the MLflow store there and without."""
    one, two, first = "one worker", "two workers", "one worker, first sweep of all"
    cases = {
        one: partial(seconds, bench, 1, True),
        two: partial(seconds, bench, 2, True),
        first: partial(seconds, bench, 1, False),
    }
    seconds(bench, 2, True, 0)  # warms the disk cache
    samples = bench.alternate(cases)
    targets = {one: 1.3, two: 1.3, first: 2.5}
    measurements = [
        Measurement("startup", f"first update, {case}", "s", samples[case], at_most=targets[case]) for case in cases
    ]
    extra = [max(late - early, 0.0) for early, late in zip(samples[one], samples[two], strict=True)]
    measurements.append(
        Measurement("startup", "the last worker's first update, for an extra worker", "s", extra, at_most=1.5)
    )
    return Result(measurements)


def seconds(bench: Bench, count: int, store: bool, seed: int) -> float:
    """Until the last of so many workers makes its first update."""
    folder = bench.folder / "startup"
    shutil.rmtree(folder, ignore_errors=True)
    notes, outputs = folder / "notes", folder / "outputs"
    notes.mkdir(parents=True)
    if store:
        empty = Path(bench.folder / "startup-store")
        if not empty.is_dir():
            Lrlab().create_store(empty)
        outputs.mkdir()
        shutil.copy(empty / "mlflow.db", outputs / "mlflow.db")
    command = sweep_command(
        "best",
        outputs,
        *workers(count),
        "data=cifar10",
        f"data.train_size={bench.size(45_000, 2000)}",
        "epochs=1",
        "hydra.sweeper.n_trials=8",
        f"hydra.sweeper.sampler.seed={seed}",
        "optimizer=sgd",
        "optimizer._target_=benchmarks.first_update.FirstUpdate",
        "allow=[benchmarks.]",
    )
    finished = processes.run(command, folder / "log", {FOLDER: str(notes)})
    return first_updates(notes)[count - 1] - finished.began
