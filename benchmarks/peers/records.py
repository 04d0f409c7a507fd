"""Runs in MLflow as cheaply as its client allows: the values of a whole run in one batch, at the run's end."""

import json
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run

EXPERIMENT = "peer"


class Records:
    """The runs of one sweep, which they carry as a tag, in an SQLite store made by `create`."""

    def __init__(self, file: str, sweep: str) -> None:
        self._client = MlflowClient(f"sqlite:///{file}")
        self._experiment = self._client.get_experiment_by_name(EXPERIMENT).experiment_id
        self._sweep = sweep

    def start(self, name: str) -> Run:
        return self._client.create_run(self._experiment, tags={"sweep": self._sweep}, run_name=name)

    def end(
        self,
        run: Run,
        params: Mapping[str, str],
        epochs: Sequence[tuple[int, Mapping[str, float]]],
        status: str = "FINISHED",
    ) -> None:
        """Write everything and close the run.

        Args:
            params: the configuration; it becomes params and a file.
            epochs: milliseconds since 1970 at the end of each epoch, and its metrics.
            status: KILLED if it was pruned.
        """
        metrics = [
            Metric(name, value, at, step)
            for step, (at, values) in enumerate(epochs, 1)
            for name, value in values.items()
        ]
        run_id = run.info.run_id
        self._client.log_batch(run_id, metrics, [Param(*param) for param in params.items()])
        self._client.log_text(run_id, json.dumps(dict(params)), "config.json")
        self._client.set_terminated(run_id, status)


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def create(file: Path) -> None:
    """An empty store, in SQLite's faster journal mode, as lrlab's is."""
    MlflowClient(f"sqlite:///{file}").create_experiment(EXPERIMENT, str(file.parent / "artifacts"))
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


if __name__ == "__main__":
    create(Path(sys.argv[1]))
