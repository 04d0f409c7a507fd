"""The engine alone: GFLOP/s of stacked linear classifiers as a share of the SGEMM peak of the same process.

Every sample is an epoch on CIFAR-10's images, next to a sample of the peak. Counted are the multiplies that a linear
classifier needs, 4 D C flop for an image it is trained on and 2 D C for one it is measured on; all else, from the
gathering of the images to the optimizer, is time.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hydra import compose, initialize_config_dir

from benchmarks.bench import Bench
from benchmarks.measurement import Measurement
from benchmarks.peak import SIDE, peak, peaks_together
from benchmarks.result_files import Result
from lrlab.cli import app
from lrlab.config.choices import shipped_folder
from lrlab.runtime.environment import cores, limit_blas
from lrlab.training.configuration import from_config
from lrlab.training.experiment import Experiment, Population


@dataclass(frozen=True)
class Cell:
    """A full population.

    Attributes:
        width: K.
        batches: batch sizes, dealt out to the members in turn; the smallest is the microbatch.
    """

    width: int
    batches: Sequence[int]
    optimizer: str
    target: float | None = None

    def __str__(self) -> str:
        sizes = dict.fromkeys((self.batches[0], self.batches[-1]))
        return f"{self.optimizer}, K = {self.width}, batch {' to '.join(map(str, sizes))}"


TARGETS = (
    Cell(32, (256,), "sgd", target=0.85),
    Cell(32, (256,), "adamw", target=0.78),
    Cell(32, (32,), "sgd", target=0.65),
    Cell(32, (32,), "adamw", target=0.50),
)


def measure(bench: Bench) -> Result:
    """One thread; first the cells that have a target, then the grid of widths, microbatches and optimizers."""
    limit_blas(1)
    cells = list(bench.size(_full, _quick)())
    bench.watch.steps(len(cells) + 1)
    measurements = [_measurement(bench, cell) for cell in cells]
    with bench.watch.step("the peak with all cores busy"):
        note = _shared_peak(*bench.size((100, SIDE), (5, 512)))
    return Result(measurements, [note])


def _full() -> Iterator[Cell]:
    yield from TARGETS
    yield Cell(32, (64, 128, 256, 512, 1024), "adamw")
    for optimizer in ("sgd", "momentum", "adam", "adamw"):
        for width in (1, 8, 32, 64):
            for batch in (32, 64, 128, 256, 512, 1024):
                cell = Cell(width, (batch,), optimizer)
                if str(cell) not in map(str, TARGETS):
                    yield cell


def _shared_peak(products: int, side: int) -> str:
    """What two cores can do together, in words: virtual ones may share a core of the processor."""
    (one,) = peaks_together(1, products, side)
    several = peaks_together(cores(), products, side)
    return (
        f"SGEMM peak of one process {one:.0f} GFLOP/s; of {len(several)} at once {sum(several):.0f} together, "
        f"{sum(several) / one:.2f} x: no whole sweep with as many workers can gain more from its cores"
    )


def _quick() -> Iterator[Cell]:
    yield Cell(8, (128,), "sgd")
    yield Cell(8, (128,), "adamw")
    yield Cell(8, (64, 128), "adamw")


def _measurement(bench: Bench, cell: Cell) -> Measurement:
    with bench.watch.step(str(cell)):
        settings = [f"data.train_size={bench.size(10_000, 1000)}", f"epochs={bench.repeats + 1}"]
        population = full_population(cell, ["data=cifar10", *settings])
        population.train_epoch()  # faults the memory in
        ours, peaks = [], []
        for _ in range(bench.repeats):
            peaks.append(peak())
            ours.append(rate(population))
    at = {"width": cell.width, "batches": list(cell.batches), "optimizer": cell.optimizer}
    return Measurement("engine", str(cell), "GFLOP/s", ours, "SGEMM peak", peaks, at_least=cell.target, at=at)


def full_population(cell: Cell, settings: Sequence[str]) -> Population:
    """The population of a cell, every slot taken."""
    wanted = [composed([*settings, f"optimizer={cell.optimizer}", f"batch_size={batch}"]) for batch in cell.batches]
    data, microbatch = wanted[0].data.load(), min(cell.batches)
    population = wanted[0].method.new_population(wanted[0], data, width=cell.width, microbatch=microbatch)
    for slot in range(cell.width):
        population.admit(wanted[slot % len(wanted)], slot)
    return population


def composed(overrides: Sequence[str]) -> Experiment:
    """The experiment that lrlab trains, given these overrides."""
    with initialize_config_dir(str(shipped_folder("conf")), version_base="1.3"):
        return from_config(app.resolve(compose("config", list(overrides))))


def rate(population: Population) -> float:
    """GFLOP/s of one epoch of a population of linear classifiers."""
    data = population.dataset
    one = data.x.shape[1] * len(data.classes) * (4 * len(data.train) + 2 * len(data.validation))
    start = time.perf_counter()
    population.train_epoch()
    return float(population.width * one / (time.perf_counter() - start) / 1e9)
