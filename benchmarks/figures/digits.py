"""1,000 trials x 20 epochs on the digits, two workers: many trials that are next to nothing."""

from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.equality import complete
from benchmarks.measurement import Measurement
from benchmarks.result_files import Result
from benchmarks.systems.lrlab import Lrlab, sweep_command, workers
from benchmarks.systems.system import Command, run


def measure(bench: Bench) -> Result:
    """From process start to end."""
    trials, epochs = bench.size((1000, 20), (16, 2))
    sizes = bench.alternate({"digits": lambda seed: seconds(bench, trials, epochs, seed)})
    what = f"{trials:,} trials x {epochs} epochs on the digits, 2 workers"
    return Result([Measurement("digits", what, "s", sizes["digits"], at_most=60.0)])


def seconds(bench: Bench, trials: int, epochs: int, seed: int) -> float:
    """Of one sweep of the digits, checked."""

    def command(outputs: Path) -> Command:
        return sweep_command(
            "quickstart",
            outputs,
            *workers(2),
            f"epochs={epochs}",
            f"hydra.sweeper.n_trials={trials}",
            f"hydra.sweeper.sampler.seed={seed}",
        )

    outcome = run(bench, Lrlab(), command)
    complete("lrlab", outcome.runs, trials, epochs)
    return outcome.seconds
