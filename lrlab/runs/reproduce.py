"""Replay: train a recorded run again with what its record says, and compare every epoch of every metric."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lrlab.errors import InputError
from lrlab.runs import recorder
from lrlab.runtime.environment import describe, limit_blas
from lrlab.tracking.tracker import Tracker
from lrlab.training.configuration import experiment, from_yaml
from lrlab.training.experiment import EpochResult
from lrlab.training.single import single, train_epochs

# Other kernels round differently, and training amplifies it: what two machines may differ by and still agree.
RELATIVE_TOLERANCE = 1e-2
ABSOLUTE_TOLERANCE = 1e-3

History = Mapping[str, Sequence[tuple[int, float]]]


@dataclass(frozen=True)
class Reproduction:
    """Outcome of a replay.

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
    environment_changes: dict[str, list[Any]]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def reproduce(
    tracker: Tracker, run_id: str, watch: Callable[[EpochResult, int], None], allow: Sequence[str] = ()
) -> Reproduction:
    """Run a recorded configuration again, in the place on record, and compare.

    Args:
        tracker: holds the run, and takes the new one.
        run_id: any run that lrlab trained.
        watch: called with every epoch's event and the number of epochs there will be.
        allow: prefixes of further code to trust. What a record says of that does not count.

    Raises:
        InputError: the run is unknown, or is no training of lrlab's (a sweep's parent run, say).
    """
    old = tracker.get_run(run_id)
    if recorder.PROVENANCE not in old.tags:
        raise InputError(f"run_id must name a training run of lrlab's, got {run_id} ({old.name})")
    provenance = json.loads(old.tags[recorder.PROVENANCE])
    recorded = provenance["environment"]
    config = from_yaml(old.config) | {"allow": list(allow)}
    again = experiment(config)
    again.data.verify()
    dataset = again.data.load()

    limit_blas(recorded["blas_threads"])
    place = {key: provenance[key] for key in ("width", "slot", "microbatch", "first_epoch")}
    population = single(again, dataset, **place)
    (member,) = population.members
    name, tags = f"replay of {old.name}", {"lrlab.replay_of": run_id}
    new = recorder.start(tracker, config, population, member, name=name, tags=tags)
    length = max((len(history) for history in old.metrics.values()), default=0)
    for event, _ in zip(train_epochs(population), range(length), strict=False):
        tracker.log_metrics(new, event.epoch, event.metrics)
        watch(event, length)
    tracker.end_run(new)

    curves = tracker.get_run(new).metrics
    now = {**describe(), "data": dataset.digest}
    then = {**recorded, "data": provenance["data"]}
    return Reproduction(
        run_id,
        new,
        *compare(old.metrics, curves),
        metrics=last(curves),
        environment_changes={k: [v, now.get(k)] for k, v in then.items() if now.get(k) != v},
    )


def compare(old: History, new: History) -> tuple[Literal["identical", "within_tolerance", "differs"], float]:
    """Verdict and largest absolute difference over all epochs and metrics."""
    if {k: [step for step, _ in v] for k, v in old.items()} != {k: [step for step, _ in v] for k, v in new.items()}:
        return "differs", math.inf
    pairs = [(a, b) for k in old for (_, a), (_, b) in zip(old[k], new[k], strict=True)]
    largest = max((_difference(a, b) for a, b in pairs), default=0.0)
    if largest == 0:
        return "identical", 0.0
    near = all(_difference(a, b) <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * abs(a) for a, b in pairs)
    return ("within_tolerance" if near else "differs"), largest


def _difference(a: float, b: float) -> float:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    return abs(a - b) if math.isfinite(a) and math.isfinite(b) else math.inf


def last(history: History) -> dict[str, float]:
    """The last value of every metric."""
    return {name: values[-1][1] for name, values in history.items() if values}
