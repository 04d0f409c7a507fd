"""Reproduction: train a recorded run again with what its record says, and compare every value of every metric."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from lrlab.errors import InputError
from lrlab.runs.history import MetricHistory
from lrlab.runs.loop import training_loop
from lrlab.runs.provenance import Environment, Provenance
from lrlab.runs.recorder import check_data, read_training
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import Tracker
from lrlab.training.experiment import EpochResult

# Other kernels round differently, and training amplifies it: what two machines may differ by and still agree.
RELATIVE_TOLERANCE = 1e-2
ABSOLUTE_TOLERANCE = 1e-3

History = Mapping[str, Sequence[tuple[int, float]]]


@dataclass(frozen=True)
class Reproduction:
    """Outcome of a reproduction.

    Attributes:
        verdict: identical (every value of every metric, to the bit), within_tolerance, or differs.
        max_abs_difference: over all epochs and metrics; inf where only one of two values is finite.
        metrics: of the new run's last epoch.
        environment_changes: what its arithmetic depends on and is not as recorded: name -> [recorded, now].
    """

    run_id: str
    new_run_id: str
    verdict: Literal["identical", "within_tolerance", "differs"]
    max_abs_difference: float
    metrics: dict[str, float]
    environment_changes: dict[str, tuple[Any, Any]]


def other_kernel(tracker: Tracker, run_id: str) -> str | None:
    """Return the kernel of OpenBLAS that a run was recorded with, if this process multiplies with another of its."""
    tags = tracker.get_run(run_id).tags
    if Tag.PROVENANCE not in tags:
        return None
    then, now = Provenance.from_json(tags[Tag.PROVENANCE]).environment, Environment.current()
    openblas = all(each.blas.startswith("openblas") for each in (then, now))
    return then.blas_kernel if openblas and then.blas_kernel != now.blas_kernel else None


def reproduce(
    tracker: Tracker,
    run_id: str,
    watch: Callable[[EpochResult, int], None],
    allow: Sequence[str] = (),
    moved: Mapping[str, str] | None = None,
) -> Reproduction:
    """Train a recorded run again, in the same slot and shapes, for as many epochs as it has, and compare.

    Args:
        tracker: holds the run, and takes the new one.
        run_id: any run that lrlab trained.
        watch: called with every epoch's result and the number of epochs there will be.
        allow: prefixes of further code to trust. What a record says of that does not count.
        moved: paths of the data that are not as recorded, by their keys, such as data.path.

    Raises:
        InputError: the run is unknown, no training of lrlab's (a sweep's parent run, say), or recorded no epoch; or its
            data have changed.
    """
    old = tracker.get_run(run_id)
    if Tag.PROVENANCE not in old.tags:
        raise InputError(f"run_id must name a training run of lrlab's, got {run_id} ({old.name})")
    length = MetricHistory(old.metrics).epochs()
    if not length:
        raise InputError(f"run_id must name a run that recorded an epoch to compare with, got {run_id} ({old.name})")
    experiment, dataset, provenance = read_training(old, allow, moved)
    check_data(old, dataset)
    population = experiment.new_population(dataset, **provenance.shape())
    with training_loop(tracker) as loop:
        name, tags = f"reproduction of {old.name}", {Tag.REPLAY_OF: run_id}
        training = loop.start(experiment, population, slot=provenance.slot, name=name, tags=tags)
        for _ in range(length):
            for _, result in loop.train_epoch():
                watch(result, length)
        if loop.open:
            loop.end(training)

    new = tracker.get_run(training.run_id).metrics
    verdict, difference = compare(old.metrics, new)
    return Reproduction(
        run_id=run_id,
        new_run_id=training.run_id,
        verdict=verdict,
        max_abs_difference=difference,
        metrics=MetricHistory(new).latest(),
        environment_changes=provenance.changes(Provenance.of(population, training.member)),
    )


def compare(old: History, new: History) -> tuple[Literal["identical", "within_tolerance", "differs"], float]:
    """Return the verdict and the largest absolute difference over all epochs and metrics."""
    if {k: [step for step, _ in v] for k, v in old.items()} != {k: [step for step, _ in v] for k, v in new.items()}:
        return "differs", math.inf
    pairs = [(a, b) for k in old for (_, a), (_, b) in zip(old[k], new[k], strict=True)]
    largest = max((_difference(a, b) for a, b in pairs), default=0.0)
    if largest == 0:
        return "identical", 0.0
    near = all(_agree(a, b) for a, b in pairs)
    return ("within_tolerance" if near else "differs"), largest


def _difference(a: float, b: float) -> float:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    return abs(a - b) if math.isfinite(a) and math.isfinite(b) else math.inf


def _agree(a: float, b: float) -> bool:
    difference = _difference(a, b)
    return difference == 0 or difference <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * abs(a)  # abs(a) may be NaN
