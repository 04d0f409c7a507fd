"""The proof that all systems did the same work, from what they logged."""

import math
from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.store import Logged
from benchmarks.workloads import METRICS, Configuration, Sweep, configurations

# What the order of float32 sums alone may do to the validation loss (nats) of the median training of a model. It moved
# linear classifiers and MLPs by some 1e-7; a deep network with AdamW magnifies it from update to update.
NOISE = {"linear": 1e-3, "mlp": 5e-3, "large": 2e-2}
DIVERGED = math.log(10)  # nats: no better than chance among ten classes; rounding alone decides where such a run ends


class Unequal(RuntimeError):
    """The systems did not do the same work: no ratio may be drawn from it."""


def complete(system: str, runs: Sequence[Logged], trials: int, epochs: int) -> None:
    """Refuse a sweep that did or logged less than it should have.

    Raises:
        Unequal: names what is missing.
    """
    finished = [run for run in runs if run.status == "FINISHED"]
    if len(finished) != trials:
        raise Unequal(f"{system} finished {len(finished)} of {trials} trials")
    for run in finished:
        if run.points != len(METRICS) * epochs:
            raise Unequal(f"{system} logged {run.points} values of a trial, not {len(METRICS) * epochs}")


def same_work(system: str, runs: Sequence[Logged], work: Sweep) -> None:
    """Refuse a sweep that did not train the configurations of a work, each once and with as many updates.

    Raises:
        Unequal: names a configuration that is lacking or not wanted, or the updates.
    """
    complete(system, runs, work.trials, work.epochs)
    wanted = {_key(configuration) for configuration in configurations(work)}
    done = {_key(run.configuration) for run in runs}
    if wanted != done:
        raise Unequal(f"{system} did not train {sorted(wanted - done)[:1]}, but {sorted(done - wanted)[:1]}")
    for run in runs:
        updates = work.epochs * -(-work.train_size // run.configuration["batch_size"])
        if run.last["updates"] != updates:
            raise Unequal(f"{system} made {run.last['updates']:.0f} updates of {run.configuration}, not {updates}")


def same_losses(runs: Mapping[str, Sequence[Logged]], model: str) -> list[str]:
    """Compare the last validation losses of the same configurations; return how close they are, in words.

    A trial of lrlab that joins a running population sees the samples in the order of its later epochs. It is compared,
    too, but more than rounding sets it apart from its peers.

    Args:
        runs: by system, lrlab's first.

    Raises:
        Unequal: the median difference is larger than rounding can make it.
    """
    (_, ours), *others = ((name, {_key(run.configuration): run for run in each}) for name, each in runs.items())
    notes = []
    for name, theirs in others:
        pairs = [(run, theirs[key]) for key, run in ours.items() if max(_loss(run), _loss(theirs[key])) < DIVERGED]
        same = [abs(_loss(a) - _loss(b)) for a, b in pairs if a.first_epoch == 0]
        another = [abs(_loss(a) - _loss(b)) for a, b in pairs if a.first_epoch > 0]
        notes.append(
            f"validation losses of the same configurations, lrlab and {name}: differ by {_spread(same)} where the order"
            f" of the samples is the same, by {_spread(another)} where it is not; diverged: {len(ours) - len(pairs)}"
        )
        if same and median(same) > NOISE[model]:
            raise Unequal(f"{notes[-1]}. Rounding makes less than {NOISE[model]}")
    return notes


def _spread(differences: Sequence[float]) -> str:
    if not differences:
        return "nothing (of 0)"
    return f"{median(differences):.1e} in the median, {max(differences):.1e} at most (of {len(differences)})"


def _key(configuration: Configuration) -> tuple[float, ...]:
    values = configuration["lr"], configuration["batch_size"], configuration["warmup"], configuration["strength"]
    return tuple(map(float, values))


def _loss(run: Logged) -> float:
    loss = run.losses[-1]
    return loss if math.isfinite(loss) else math.inf
