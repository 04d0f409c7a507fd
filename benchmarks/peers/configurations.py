"""The configurations that every system is to train, as benchmarks/workloads.py wrote them."""

import json
from functools import cache
from pathlib import Path


@cache
def read(file: str) -> list[dict[str, float]]:
    """Each with lr, batch_size, warmup and strength."""
    return json.loads(Path(file).read_text())
