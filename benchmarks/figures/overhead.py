"""Processor time per trial outside training, and where it goes: a sweep on the digits in one instrumented worker."""

import json
import shutil
import sys
from functools import partial

from benchmarks import processes
from benchmarks.bench import Bench
from benchmarks.measurement import Measurement
from benchmarks.result_files import Result

TARGETS: dict[int, float | None] = {100: 12.0, 1000: 12.0}  # ms, by number of trials
QUICK: dict[int, float | None] = {8: None}
PARTS = {
    "compose": "overrides to an experiment",
    "study": "Optuna: queue, sampler, journal",
    "tracking": "MLflow: runs, params, metrics",
    "files": "config.yaml of each trial; weights and plots of the best so far",
    "loop": "the worker's loop, and everything unnamed",
    "display": "the progress thread",
}


def measure(bench: Bench) -> Result:
    """At 100 and at 1,000 trials of five epochs."""
    measurements = []
    for trials, target in bench.size(TARGETS, QUICK).items():
        (spents,) = bench.alternate({f"{trials} trials": partial(spent, bench, trials)}).values()
        outside = [sum(seconds for part, seconds in each.items() if part != "training") for each in spents]
        per_trial = [1e3 * seconds / trials for seconds in outside]
        at = {"trials": trials, "part": "all"}
        measurements.append(Measurement("overhead", f"all in, {trials} trials", "ms", per_trial, at_most=target, at=at))
        for part, meaning in PARTS.items():
            milliseconds = [1e3 * each.get(part, 0) / trials for each in spents]
            at = {"trials": trials, "part": part}
            measurements.append(Measurement("overhead", f"  {part}: {meaning}", "ms", milliseconds, at=at))
    return Result(measurements)


def spent(bench: Bench, trials: int, seed: int) -> dict[str, float]:
    """Processor seconds by account, see `benchmarks.profile`."""
    folder = bench.folder / "overhead"
    booked = folder / "booked.json"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    arguments = [
        "sweep",
        "best",
        f"outputs={folder}",
        "data=digits",
        "hydra/launcher=basic",
        "hydra.sweeper.n_jobs=1",
        "blas_threads=1",  # whose processor time would count as the display's
        f"hydra.sweeper.n_trials={trials}",
        f"hydra.sweeper.sampler.seed={seed}",
    ]
    processes.run([sys.executable, "-m", "benchmarks.profile", booked, *arguments], folder / "log")
    accounts: dict[str, float] = json.loads(booked.read_text())
    return accounts
