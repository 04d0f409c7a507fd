"""One `lrlab train` on CIFAR-10 against one training in PyTorch eager, both with all cores."""

from collections.abc import Callable

from benchmarks.bench import Bench
from benchmarks.equality import Unequal
from benchmarks.measurement import Measurement
from benchmarks.result_files import Result
from benchmarks.systems.lrlab import Lrlab
from benchmarks.systems.system import Outcome, run
from benchmarks.systems.torch import OptunaTorch
from benchmarks.workloads import Training

SHALLOW = {"val/loss": 0.02, "val/accuracy": 0.01}  # the order of float32 sums alone moves both by less
NOISE = {"linear": SHALLOW, "mlp": SHALLOW, "large": {"val/loss": 0.05, "val/accuracy": 0.02}}
PEER = "PyTorch eager"


def measure(bench: Bench) -> Result:
    """A linear classifier and an MLP: from process start to end, and from the first epoch to the last only."""
    epochs, size = bench.size(10, 3), bench.size(45_000, 2000)
    works = {  # with the target of each
        Training("linear", "momentum", 0.01, 1e-4, 128, epochs, size): 1.8,
        Training("mlp", "adamw", 1e-3, 0.0, 128, epochs, size): 1.3,
    }
    measurements, notes = [], []
    for work, target in works.items():
        notes.append(same_curve(bench, work))  # also warms up
        outcomes = bench.alternate({name: _sampler(train, work) for name, train in _systems(bench).items()})
        shown = f"{work.model}, {work.optimizer}, batch {work.batch_size}, {work.epochs} epochs"
        for what, seconds in (("start to end", _whole), ("training only, an epoch", _epoch)):
            ours, theirs = ([seconds(outcome) for outcome in outcomes[name]] for name in ("lrlab", PEER))
            measurements.append(Measurement("train", f"{shown}: {what}", "s", ours, PEER, theirs, at_least=target))
    return Result(measurements, notes)


def same_curve(bench: Bench, work: Training) -> str:
    """Train one configuration on both systems; return how close their results are.

    Raises:
        Unequal: they are further apart than rounding can put them.
    """
    bench.watch.steps(1)
    with bench.watch.step(f"the same {work.model} training on both systems"):
        ends = {name: train(work).runs[-1].last for name, train in _systems(bench).items()}
    ours, theirs = ends["lrlab"], ends[PEER]
    note = ", ".join(f"{name} {ours[name]:.4f} and {theirs[name]:.4f}" for name in ours)
    for name, noise in NOISE[work.model].items():
        if abs(ours[name] - theirs[name]) > noise:
            raise Unequal(f"lrlab and {PEER} differ in {name} by more than {noise}: {note}")
    return f"the same {work.model} training in lrlab and in {PEER}: {note}"


def _systems(bench: Bench) -> dict[str, Callable[[Training], Outcome]]:
    ours, peer = Lrlab(), OptunaTorch(bench)
    return {
        "lrlab": lambda work: run(bench, ours, lambda outputs: ours.train(work, outputs)),
        PEER: lambda work: run(bench, peer, lambda outputs: peer.train(work, outputs)),
    }


def _sampler(train: Callable[[Training], Outcome], work: Training) -> Callable[[int], Outcome]:
    return lambda round_: train(work)


def _whole(outcome: Outcome) -> float:
    return outcome.seconds


def _epoch(outcome: Outcome) -> float:
    """Seconds between two epochs; the first one, which also warms up, is left out."""
    times = outcome.runs[-1].times
    return (times[-1] - times[0]) / (len(times) - 1)
