"""What is in an MLflow store: the proof that every system did and logged the same work."""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workloads import METRICS, Sweep


class Unequal(RuntimeError):
    """The systems did not do the same work: no ratio may be drawn from it."""


@dataclass(frozen=True)
class Logged:
    """A training as it was logged.

    Attributes:
        last: the values of its last epoch, by metric.
        times: when each epoch was logged, in seconds since 1970.
        points: how many values were logged of the metrics that count.
    """

    params: dict[str, str]
    last: dict[str, float]
    times: Sequence[float]
    points: int


def trained(file: Path) -> list[Logged]:
    """The finished trainings in a store, in the order in which they were started; the run of a whole sweep is none."""
    with closing(sqlite3.connect(file)) as store:
        query = "SELECT run_uuid FROM runs WHERE status = 'FINISHED' ORDER BY start_time, rowid"
        runs = [run for (run,) in store.execute(query)]
        params: dict[str, dict[str, str]] = defaultdict(dict)
        for run, key, value in store.execute("SELECT run_uuid, key, value FROM params"):
            params[run][key] = value
        points = defaultdict(list)
        query = "SELECT run_uuid, key, value, timestamp / 1e3 FROM metrics ORDER BY step, timestamp"
        for run, key, value, time in store.execute(query):
            if key in METRICS:
                points[run].append((key, value, time))
    return [
        Logged(
            params[run],
            {key: value for key, value, _ in points[run]},
            [time for key, _, time in points[run] if key == "val/loss"],
            len(points[run]),
        )
        for run in runs
        if "batch_size" in params[run]
    ]


def complete(system: str, runs: Sequence[Logged], trials: int, epochs: int) -> None:
    """Refuse a sweep that did or logged less than it should have.

    Raises:
        Unequal: names what is missing.
    """
    if len(runs) != trials:
        raise Unequal(f"{system} finished {len(runs)} of {trials} trials")
    for run in runs:
        if run.points != len(METRICS) * epochs:
            raise Unequal(f"{system} logged {run.points} values of a trial, not {len(METRICS) * epochs}")


def updates(runs: Sequence[Logged], work: Sweep) -> float:
    """Updates per trial, on average: small batches are more work for every system."""
    return sum(work.epochs * -(-work.train_size // int(run.params["batch_size"])) for run in runs) / len(runs)


def best(runs: Sequence[Logged], name: str = "val/accuracy") -> float:
    """The best last value: the largest accuracy, or the smallest loss."""
    values = [run.last[name] for run in runs]
    return max(values) if name.endswith("accuracy") else min(values)
