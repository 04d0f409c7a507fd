"""What is in an MLflow store: every training as it was logged."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workloads import METRICS, Configuration
from lrlab.tracking.tags import Tag

NAMES = {"lr": "optimizer.lr", "warmup": "schedule.warmup", "strength": "regularizer.strength"}  # lrlab's


@dataclass(frozen=True)
class Logged:
    """A training as it was logged.

    Attributes:
        status: of the run: FINISHED, KILLED if it was pruned.
        last: the values of its last epoch, by metric.
        times: when each epoch was logged, in seconds since 1970.
        losses: the validation loss of each epoch.
        points: how many values were logged of the metrics that count.
        first_epoch: which epoch of the order of the samples it began with; lrlab's later trials join a running one.
    """

    status: str
    params: Mapping[str, str]
    last: Mapping[str, float]
    times: Sequence[float]
    losses: Sequence[float]
    points: int
    first_epoch: int = 0

    @property
    def configuration(self) -> Configuration:
        lr, warmup, strength = (
            float(self.params.get(theirs, self.params.get(name, 0))) for name, theirs in NAMES.items()
        )
        return Configuration(lr=lr, batch_size=int(self.params["batch_size"]), warmup=warmup, strength=strength)


def trained(file: Path) -> list[Logged]:
    """The trainings in a store, in the order in which they were started; the run of a whole sweep is none."""
    with closing(sqlite3.connect(file)) as store:
        runs = store.execute("SELECT run_uuid, status FROM runs ORDER BY start_time, rowid").fetchall()
        params: dict[str, dict[str, str]] = defaultdict(dict)
        for run, key, value in store.execute("SELECT run_uuid, key, value FROM params"):
            params[run][key] = value
        query = "SELECT run_uuid, value FROM tags WHERE key = ?"
        provenance = {run: json.loads(value) for run, value in store.execute(query, (Tag.PROVENANCE,))}
        points = defaultdict(list)
        query = "SELECT run_uuid, key, value, timestamp / 1e3 FROM metrics ORDER BY step, timestamp"
        for run, key, value, time in store.execute(query):
            if key in METRICS:
                points[run].append((key, value, time))
    return [
        Logged(
            status,
            params[run],
            {key: value for key, value, _ in points[run]},
            [time for key, _, time in points[run] if key == "val/loss"],
            [value for key, value, _ in points[run] if key == "val/loss"],
            len(points[run]),
            provenance.get(run, {}).get("first_epoch", 0),
        )
        for run, status in runs
        if "batch_size" in params[run]
    ]


def best(runs: Sequence[Logged], name: str = "val/accuracy") -> float:
    """The best last value: the largest accuracy, or the smallest loss."""
    values = [run.last[name] for run in runs]
    return max(values) if name.endswith("accuracy") else min(values)
