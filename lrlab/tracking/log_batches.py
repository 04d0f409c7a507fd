"""What goes to an MLflow server in one request."""

import json
from collections.abc import Iterator
from typing import Any

from lrlab.tracking.store import RunUpdate

MOST = {"points": 1000, "params": 100, "tags": 100}  # that MLflow takes in one request,
MOST_IN_ALL, MOST_CHARACTERS = 1000, 800_000  # and in all; its own limit is 1 MB of JSON


def log_batches(update: RunUpdate) -> Iterator[RunUpdate]:
    """Yield the points, params and tags of an update in as few parts as MLflow's `log_batch` can take."""
    items: list[tuple[str, Any]] = [
        *(("params", param) for param in update.params.items()),
        *(("tags", tag) for tag in update.tags.items()),
        *(("points", point) for point in update.points),
    ]
    part: dict[str, list[Any]] = {kind: [] for kind in MOST}
    count = characters = 0
    for kind, item in items:
        size = len(json.dumps(item)) + 50
        is_full = len(part[kind]) == MOST[kind] or count == MOST_IN_ALL
        if count and (is_full or characters + size > MOST_CHARACTERS):
            yield _update(part)
            part, count, characters = {kind: [] for kind in MOST}, 0, 0
        part[kind].append(item)
        count, characters = count + 1, characters + size
    if count:
        yield _update(part)


def _update(part: dict[str, list[Any]]) -> RunUpdate:
    return RunUpdate(part["points"], dict(part["tags"]), None, dict(part["params"]))
