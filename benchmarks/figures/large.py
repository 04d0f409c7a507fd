"""An MLP 3072-1000-1000-1000-10 with AdamW, one beside PyTorch eager and eight at once: time and peak memory."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from statistics import median

from benchmarks.bench import Bench
from benchmarks.equality import same_losses
from benchmarks.figures.train import PEER, same_curve
from benchmarks.measurement import Measurement
from benchmarks.memory import Peaks
from benchmarks.result_files import Result
from benchmarks.systems.lrlab import Lrlab
from benchmarks.systems.system import Outcome, run, sweep
from benchmarks.systems.torch import OptunaTorch
from benchmarks.workloads import HIDDEN, Sweep, Training, data_file

MEMBERS = 8
PIXELS, CLASSES = 3072, 10
COPIES = 4  # of the parameters that training with AdamW needs: weights, gradients, two moments

Sample = tuple[Outcome, float]  # with the peak megabytes of all workers


def measure(bench: Bench) -> Result:
    """All cores: PyTorch trains the eight in two processes of one thread, lrlab in one process of two threads."""
    epochs, size = bench.size(3, 2), bench.size(45_000, 1000)
    one = Training("large", "adamw", 3e-4, 0.0, 128, epochs, size)
    eight = Sweep("large", MEMBERS, epochs=1, train_size=size, workers=1, optimizer="adamw", width=MEMBERS)
    ours, peer = Lrlab(), OptunaTorch(bench)
    notes = [same_curve(bench, one)]
    trainings = bench.alternate(
        {
            ours.name: lambda number: _watched(lambda look: run(bench, ours, lambda out: ours.train(one, out), look)),
            PEER: lambda number: _watched(lambda look: run(bench, peer, lambda out: peer.train(one, out), look)),
        }
    )
    populations = bench.alternate(
        {
            ours.name: lambda number: _watched(lambda look: sweep(bench, ours, eight, look)),
            peer.name: lambda number: _watched(lambda look: sweep(bench, peer, replace(eight, workers=2), look)),
        }
    )
    notes += same_losses({name: samples[0][0].runs for name, samples in populations.items()}, eight.model)
    shown = "-".join(map(str, (PIXELS, *HIDDEN["large"], CLASSES)))
    measurements = [
        Measurement("large", f"{what}: {quantity}", unit, *_both(samples, number))
        for what, samples in (
            (f"one {shown}, AdamW, batch 128, {epochs} epochs", trainings),
            (f"{MEMBERS} of them, an epoch", populations),
        )
        for number, (quantity, unit) in enumerate((("start to end", "s"), ("peak memory of all workers", "MB")))
    ]
    return Result(measurements, [*notes, _per_member(trainings[ours.name], populations[ours.name])])


def _watched(work: Callable[[Callable[[int], None]], Outcome]) -> Sample:
    """Do something with an eye on its memory."""
    peaks = Peaks(data_file().parent)
    return work(peaks.look), peaks.all_workers


def _both(samples: dict[str, list[Sample]], number: int) -> tuple[list[float], str, list[float]]:
    """lrlab's values, the peer, the peer's values: seconds (0) or megabytes (1)."""
    (_, ours), (peer, theirs) = samples.items()
    values = [[(outcome.seconds, megabytes)[number] for outcome, megabytes in each] for each in (ours, theirs)]
    return values[0], peer, values[1]


def _per_member(trainings: list[Sample], populations: list[Sample]) -> str:
    """What a further member of a population takes, in words."""
    one, eight = (median(megabytes for _, megabytes in samples) for samples in (trainings, populations))
    parameters = sum(n * m + m for n, m in pairwise((PIXELS, *HIDDEN["large"], CLASSES)))
    needed = COPIES * 4 * parameters / 1e6
    return (
        f"lrlab's memory for each further member: {(eight - one) / (MEMBERS - 1):.0f} MB; "
        f"its {parameters:,} parameters in float32 take {needed:.0f} MB as weights, gradients and two moments"
    )
