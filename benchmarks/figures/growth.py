"""How the cost of a sweep grows: with the trials, with the workers, with the images."""

from dataclasses import replace

from benchmarks.bench import Bench
from benchmarks.figures.digits import seconds
from benchmarks.measurement import Measurement
from benchmarks.result_files import Result
from benchmarks.systems.lrlab import Lrlab
from benchmarks.systems.system import sweep
from benchmarks.workloads import Sweep


def measure(bench: Bench) -> Result:
    """Seconds from process start to end; nothing else changes within a series."""
    trials, epochs = bench.size(((32, 100, 320, 1000), 5), ((4, 8), 1))
    plain = bench.size(Sweep("linear", 64, 5), Sweep("linear", 4, 1, 5000))
    works = {
        "workers": [replace(plain, workers=count) for count in (1, 2)],
        "images": [replace(plain, train_size=size) for size in bench.size((5000, 15_000, 45_000), (2000, 5000))],
    }
    cases = {
        f"digits, {epochs} epochs, 2 workers: {count} trials": (
            {"trials": count},
            lambda seed, count=count: seconds(bench, count, epochs, seed),
        )
        for count in trials
    }
    for series, each in works.items():
        for work in each:
            at = {series: {"workers": work.workers, "images": work.train_size}[series]}
            cases[_text(work, series)] = at, lambda seed, work=work: sweep(bench, Lrlab(), work).seconds
    samples = bench.alternate({what: sampler for what, (_, sampler) in cases.items()})
    return Result([Measurement("growth", what, "s", samples[what], at=at) for what, (at, _) in cases.items()])


def _text(work: Sweep, series: str) -> str:
    varied = f"{work.workers} workers" if series == "workers" else f"{work.train_size:,} images"
    return f"CIFAR-10, {work.trials} trials x {work.epochs} epochs: {varied}"
