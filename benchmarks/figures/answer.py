"""A search of each system's own: how long until it has found what an exhaustive search finds.

lrlab and Optuna search with TPE and the median pruner, Hydra's sweeper with TPE: it has no pruning. The exhaustive
search is lrlab's, with as many trials and no pruner; its best is the same for all systems and rounds.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from statistics import median

from benchmarks.bench import Bench
from benchmarks.equality import Unequal, complete
from benchmarks.measurement import Measurement
from benchmarks.result_files import Result
from benchmarks.systems.lrlab import Lrlab
from benchmarks.systems.system import Outcome, System, run
from benchmarks.systems.torch import HydraTorch, OptunaTorch
from benchmarks.workloads import Sweep

CLOSE = 1.005  # times the best loss of the exhaustive search: found
TARGETS = {"linear": 8.0, "mlp": 3.0}  # times as fast as each peer


def measure(bench: Bench) -> Result:
    """128 linear classifiers and 64 MLPs, of five epochs."""
    works = bench.size(
        (Sweep("linear", trials=128, epochs=5), Sweep("mlp", trials=64, epochs=5)),
        (Sweep("linear", trials=12, epochs=2, train_size=2000),),
    )
    measurements, notes = [], ["Hydra's sweeper has no pruning: it trains every trial to its end"]
    for work in works:
        wanted = CLOSE * _exhaustive(bench, work)
        systems: Sequence[System] = (Lrlab(), OptunaTorch(bench), HydraTorch(bench))
        outcomes = bench.alternate({system.name: partial(_search, bench, system, work) for system in systems})
        notes.append(f"{work.model}: found is a validation loss of {wanted:.4f}, the exhaustive search's and 0.5 %")
        notes += [_what_it_did(name, each, wanted) for name, each in outcomes.items()]
        found = _found(work, outcomes, wanted)
        notes += [] if found else [f"{work.model}: lrlab misses it in half of the rounds or more, and has no time"]
        measurements += found + _whole(work, outcomes)
    return Result(measurements, notes)


def _exhaustive(bench: Bench, work: Sweep) -> float:
    """The lowest validation loss that lrlab finds without a pruner."""
    bench.watch.steps(1)
    with bench.watch.step(f"exhaustive search, {work.model}"):
        outcome = run(bench, Lrlab(), lambda outputs: Lrlab().search(work, outputs, 0, "none"))
    complete("lrlab", outcome.runs, work.trials, work.epochs)
    return min(loss for each in outcome.runs for loss in each.losses)


def _search(bench: Bench, system: System, work: Sweep, seed: int) -> Outcome:
    outcome = run(bench, system, lambda outputs: system.search(work, outputs, seed, "median"))
    if len(outcome.runs) != work.trials:
        raise Unequal(f"{system.name} began {len(outcome.runs)} of {work.trials} trials")
    return outcome


def _found(work: Sweep, outcomes: Mapping[str, Sequence[Outcome]], wanted: float) -> list[Measurement]:
    """Seconds until found, of lrlab and each peer.

    A search that never gets there took longer than it lasted, and counts as the longest that its system made. The
    median holds while that happens in less than half of the rounds; beyond, lrlab has no time, and a peer's time, and
    with it the ratio, is a lower bound.
    """
    what = f"{work.model}, {work.trials} trials, pruned: until the best is found to 0.5 %"
    times = {name: [seconds_until(outcome, wanted) for outcome in each] for name, each in outcomes.items()}
    (ours, missed), *peers = ((name, each.count(None)) for name, each in times.items())
    if 2 * missed >= len(times[ours]):
        return []
    counted = {
        name: [max(outcome.seconds for outcome in outcomes[name]) if time is None else time for time in each]
        for name, each in times.items()
    }
    return [
        Measurement(
            "answer",
            what,
            "s",
            counted[ours],
            peer,
            counted[peer],
            at_least=TARGETS[work.model],
            at={"never found": {ours: missed, peer: never}},
            is_lower_bound=2 * never >= len(times[peer]),
        )
        for peer, never in peers
    ]


def seconds_until(outcome: Outcome, loss: float) -> float | None:
    """From process start until such a validation loss is logged; None if it never is."""
    times = (time for run in outcome.runs for time, each in zip(run.times, run.losses, strict=True) if each <= loss)
    first = min(times, default=None)
    return None if first is None else first - outcome.began


def _whole(work: Sweep, outcomes: Mapping[str, Sequence[Outcome]]) -> list[Measurement]:
    what = f"{work.model}, {work.trials} trials, pruned: the whole search"
    (_, ours), *peers = ((name, [outcome.seconds for outcome in each]) for name, each in outcomes.items())
    return [Measurement("answer", what, "s", ours, peer, theirs) for peer, theirs in peers]


def _what_it_did(name: str, outcomes: Sequence[Outcome], wanted: float) -> str:
    """In words."""
    never = sum(seconds_until(outcome, wanted) is None for outcome in outcomes)
    pruned = median(sum(run.status == "KILLED" for run in outcome.runs) for outcome in outcomes)
    best = median(min(loss for run in outcome.runs for loss in run.losses) for outcome in outcomes)
    return (
        f"  {name}: best loss {best:.4f}, {pruned:.0f} trials pruned, never found in {never} of {len(outcomes)} rounds"
    )
