"""A whole sweep from process start to end, everything logged, against the peers: all train the same configurations."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from benchmarks.bench import Bench
from benchmarks.equality import same_losses
from benchmarks.measurement import Measurement
from benchmarks.result_files import Result
from benchmarks.store import best
from benchmarks.systems.lrlab import Lrlab
from benchmarks.systems.system import Outcome, System, sweep
from benchmarks.systems.torch import HydraTorch, OptunaTorch
from benchmarks.workloads import Sweep


def linear(bench: Bench) -> Result:
    """The linear classifier; the targets are for two cores."""
    work = bench.size(Sweep("linear", trials=128, epochs=5), Sweep("linear", trials=10, epochs=1, train_size=2000))
    return _measure(bench, "linear", work, {"Optuna 5 + PyTorch": 6.5, "Hydra's sweeper + PyTorch": 7.0})


def mlp(bench: Bench) -> Result:
    """100 hidden units."""
    work = bench.size(Sweep("mlp", trials=32, epochs=5), Sweep("mlp", trials=5, epochs=1, train_size=2000))
    return _measure(bench, "mlp", work, {"Optuna 5 + PyTorch": 2.5, "Hydra's sweeper + PyTorch": 2.5})


def _measure(bench: Bench, figure: str, work: Sweep, targets: Mapping[str, float]) -> Result:
    systems: Sequence[System] = (Lrlab(), OptunaTorch(bench), HydraTorch(bench))
    tiny = Sweep(work.model, trials=2, epochs=1, train_size=1024)
    bench.watch.steps(len(systems))
    for system in systems:
        with bench.watch.step(f"{system.name}, to warm up"):
            sweep(bench, system, tiny)
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
    compared = same_losses({name: each[0].runs for name, each in outcomes.items()}, work.model)
    return Result(measurements, [*_reached(outcomes), *compared])


def _sampler(bench: Bench, system: System, work: Sweep) -> Callable[[int], Outcome]:
    return lambda number: sweep(bench, system, work)


def _reached(outcomes: Mapping[str, Sequence[Outcome]]) -> list[str]:
    """What every system reached and did, in words."""
    return [
        f"{name}: best validation accuracy {median(best(outcome.runs) for outcome in each):.4f}, "
        f"{sum(run.last['updates'] for run in each[0].runs):,.0f} updates in all, "
        f"{median(outcome.cpu for outcome in each):.1f} s of processor time"
        for name, each in outcomes.items()
    ]
