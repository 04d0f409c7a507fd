"""An optimizer that notes when it was first called: how the start-up is measured, through lrlab's own extension point.

`optimizer=sgd optimizer._target_=benchmarks.first_update.FirstUpdate allow=[benchmarks.]`
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrlab.core.optimizer import SGD

FOLDER = "BENCHMARKS_FIRST_UPDATES"  # environment variable: the folder that gets a file from every worker


@dataclass(frozen=True)
class FirstUpdate:
    """SGD."""

    lr: float = 0.01

    def init(self, *arrays: Any) -> Any:
        return SGD(self.lr).init(*arrays)

    def update(self, *arguments: Any) -> None:
        SGD(self.lr).update(*arguments)
        note = Path(os.environ[FOLDER]) / str(os.getpid())
        if not note.exists():
            note.write_text(str(time.time()))


def first_updates(folder: Path) -> list[float]:
    """When each worker made its first update, in seconds since 1970, ascending."""
    return sorted(float(note.read_text()) for note in folder.iterdir())
