"""What goes to an MLflow server in one request."""

import json
from collections.abc import Iterator
from typing import Any

from lrlab.tracking.store import RunUpdate

MOST = {"metrics": 1000, "params": 100, "tags": 100}  # that MLflow takes in one request,
MOST_IN_ALL, MOST_CHARACTERS = 1000, 800_000  # and in all; its own limit is 1 MB of JSON


def log_batches(update: RunUpdate) -> Iterator[dict[str, list[Any]]]:
    """Yield the points, params and tags of an update as the arguments of `MlflowClient.log_batch`, as few as can be."""
    from mlflow.entities import Metric, Param, RunTag

    items: list[tuple[str, Any, int]] = [
        *(("params", Param(name, text), len(json.dumps([name, text]))) for name, text in update.params.items()),
        *(("tags", RunTag(name, text), len(json.dumps([name, text]))) for name, text in update.tags.items()),
        *(("metrics", Metric(*point), len(json.dumps(point)) + 50) for point in update.points),
    ]
    batch: dict[str, list[Any]] = {kind: [] for kind in MOST}
    count = characters = 0
    for kind, item, size in items:
        is_full = len(batch[kind]) == MOST[kind] or count == MOST_IN_ALL
        if count and (is_full or characters + size > MOST_CHARACTERS):
            yield batch
            batch, count, characters = {kind: [] for kind in MOST}, 0, 0
        batch[kind].append(item)
        count, characters = count + 1, characters + size
    if count:
        yield batch
