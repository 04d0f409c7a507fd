"""Does a wide search find less? The best validation loss of a population search against TPE one trial at a time."""

from functools import partial
from pathlib import Path
from statistics import mean, stdev

from benchmarks.bench import Bench
from benchmarks.equality import complete
from benchmarks.measurement import Measurement
from benchmarks.result_files import Result
from benchmarks.store import best
from benchmarks.systems.lrlab import Lrlab, sweep_command, workers
from benchmarks.systems.system import Command, run


def measure(bench: Bench) -> Result:
    """The same number of trials on the digits; a round is a seed of the sampler, the training's seed stays."""
    trials, epochs = bench.size((64, 10), (8, 2))
    searches = {
        "wide": partial(reached, bench, trials, epochs, 2, None),
        "sequential": partial(reached, bench, trials, epochs, 1, 1),
    }
    found = bench.alternate(searches)
    wide, sequential = found["wide"], found["sequential"]
    spread = stdev(sequential) if len(sequential) > 1 else 0.0
    behind = (mean(wide) - mean(sequential)) / spread if spread else 0.0
    what = f"best validation loss, {trials} trials x {epochs} epochs"
    measurements = [
        Measurement("search", f"{what}: wide against sequential TPE", "nats", wide, "sequential TPE", sequential),
        Measurement("search", "how far wide lies behind, in spreads of sequential", "spreads", [behind], at_most=1.0),
    ]
    return Result(
        measurements, [f"means: wide {mean(wide):.4f}, sequential {mean(sequential):.4f}, its spread {spread:.4f}"]
    )


def reached(bench: Bench, trials: int, epochs: int, count: int, width: int | None, seed: int) -> float:
    """The lowest last validation loss of a search by so many workers of a width (None: lrlab's choice)."""

    def command(outputs: Path) -> Command:
        return sweep_command(
            "quickstart",
            outputs,
            *workers(count),
            *([f"population.width={width}"] if width else []),
            f"epochs={epochs}",
            f"hydra.sweeper.n_trials={trials}",
            f"hydra.sweeper.sampler.seed={seed}",
        )

    outcome = run(bench, Lrlab(), command)
    complete("lrlab", outcome.runs, trials, epochs)
    return best(outcome.runs, "val/loss")
