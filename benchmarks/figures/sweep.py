"""A whole sweep from process start to end, everything logged, against the peers."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from benchmarks.bench import Bench
from benchmarks.figures.train import same_curve
from benchmarks.measurement import Measurement
from benchmarks.results import Result
from benchmarks.store import Unequal, best, updates
from benchmarks.systems.lrlab import Lrlab
from benchmarks.systems.system import Outcome, System, sweep
from benchmarks.systems.torch import HydraTorch, OptunaTorch
from benchmarks.workloads import Sweep, Training

COMPARABLE = 32  # trials from which on the best of two searches are close
NOISE = 0.03  # in the best validation accuracy: four standard errors on 5,000 images


def linear(bench: Bench) -> Result:
    """The linear classifier; the targets are for two cores."""
    work = bench.size(Sweep("linear", trials=128, epochs=5), Sweep("linear", trials=4, epochs=1, train_size=2000))
    return _measure(bench, "linear", work, {"Optuna 5 + PyTorch": 5.0, "Hydra's sweeper + PyTorch": 9.0})


def mlp(bench: Bench) -> Result:
    """100 hidden units."""
    work = bench.size(Sweep("mlp", trials=32, epochs=5), Sweep("mlp", trials=4, epochs=1, train_size=2000))
    return _measure(bench, "mlp", work, {"Optuna 5 + PyTorch": 1.5, "Hydra's sweeper + PyTorch": 1.5})


def _measure(bench: Bench, figure: str, work: Sweep, targets: Mapping[str, float]) -> Result:
    systems: Sequence[System] = (Lrlab(), OptunaTorch(bench), HydraTorch(bench))
    note = same_curve(bench, Training(work.model, "momentum", 0.01, 1e-4, 128, epochs=2, train_size=work.train_size))
    tiny = Sweep(work.model, trials=2, epochs=1, train_size=1024)
    bench.watch.steps(len(systems))
    for system in systems:
        with bench.watch.step(f"{system.name}, to warm up"):
            sweep(bench, system, tiny, seed=0)
    outcomes = bench.alternate({system.name: _sampler(bench, system, work) for system in systems})
    ours, *peers = systems
    measurements = [
        Measurement(
            figure,
            f"whole sweep, {work.model}, {work.trials} trials x {work.epochs} epochs, {work.workers} workers",
            "s",
            [outcome.seconds for outcome in outcomes[ours.name]],
            peer.name,
            [outcome.seconds for outcome in outcomes[peer.name]],
            at_least=targets[peer.name],
        )
        for peer in peers
    ]
    return Result(measurements, [note, *_checked(outcomes, work)])


def _sampler(bench: Bench, system: System, work: Sweep) -> Callable[[int], Outcome]:
    return lambda seed: sweep(bench, system, work, seed)


def _checked(outcomes: Mapping[str, Sequence[Outcome]], work: Sweep) -> list[str]:
    """What every system reached and did, in words.

    Raises:
        Unequal: the best accuracies are further apart than noise.
    """
    reached = {name: median(best(outcome.runs) for outcome in each) for name, each in outcomes.items()}
    notes = [
        f"{name}: best validation accuracy {reached[name]:.4f}, "
        f"{median(updates(outcome.runs, work) for outcome in each):,.0f} updates a trial, "
        f"{median(outcome.cpu for outcome in each):.1f} s of processor time"
        for name, each in outcomes.items()
    ]
    if work.trials >= COMPARABLE and max(reached.values()) - min(reached.values()) > NOISE:
        raise Unequal(f"the best accuracies differ by more than {NOISE}: " + "; ".join(notes))
    return notes
