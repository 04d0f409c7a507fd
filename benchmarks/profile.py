"""`python -m benchmarks.profile FILE ARGUMENTS …`: run lrlab in this process, and note where its processor time goes.

The functions through which compose, study, tracking, files and training are entered are wrapped from outside.
Each second belongs to the innermost of them. The clock starts when the sweep's checks are over.
"""

import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

COMPONENTS = {
    "compose": ("lrlab.sweeper.compose:Composer.compose", "lrlab.sweeper.runners.population:from_config"),
    "study": (
        "lrlab.sweeper.study.queue:Queue.enqueue_missing",
        "lrlab.sweeper.study.queue:Queue.claim",
        "lrlab.sweeper.study.queue:Queue.counts",
        "lrlab.sweeper.study.queue:Queue.complete",
        "lrlab.sweeper.study.queue:Queue.trials",
        "lrlab.sweeper.study.queue:Queue.repair",
        "lrlab.sweeper.search.strategy:SearchStrategy.overrides",
        "lrlab.sweeper.worker:WorkerLoop.report_and_should_prune",
        "lrlab.sweeper.sweeper:save_results",
        "optuna.trial:Trial.set_user_attr",
    ),
    "tracking": (
        "lrlab.runs.recorder:create_run",
        "lrlab.tracking.mlflow_tracker:MlflowTracker.log_metrics",
        "lrlab.tracking.mlflow_tracker:MlflowTracker.set_tags",
        "lrlab.tracking.mlflow_tracker:MlflowTracker.end_run",
        "lrlab.tracking.mlflow_tracker:MlflowTracker.close",
    ),
    "files": (
        "lrlab.runs.recorder:log_weights",
        "lrlab.runs.recorder:log_plots",
        "lrlab.tracking.sqlite_store:SqliteStore.log_artifacts",
    ),
    "training": (
        "lrlab.training.population:StackedPopulation.train_epoch",
        "lrlab.training.population:StackedPopulation.admit",
    ),
}
CHECKED = "lrlab.cli.app:TrainingTask.prepare"


class Clock:
    """Processor time of the main thread by account; what belongs to no account is "loop"."""

    def __init__(self) -> None:
        self.accounts: dict[str, float] = defaultdict(float)
        self._open = ["loop"]
        self.reset()

    def reset(self) -> None:
        self.accounts.clear()
        self._last, self._process = time.thread_time(), time.process_time()

    def read(self) -> dict[str, float]:
        """Seconds by account. What other threads used is "display": the sweep's progress."""
        self._book()
        used = time.process_time() - self._process
        return {**self.accounts, "display": used - sum(self.accounts.values())}

    def wrap(self, target: str, account: str) -> None:
        """Book the time inside a function or method, named module:path, to an account."""
        owner, name, function = located(target)

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return function(*args, **kwargs)
            self._book()
            self._open.append(account)
            try:
                return function(*args, **kwargs)
            finally:
                self._book()
                self._open.pop()

        setattr(owner, name, wrapped)

    def _book(self) -> None:
        now = time.thread_time()
        self.accounts[self._open[-1]] += now - self._last
        self._last = now


def located(target: str) -> tuple[Any, str, Callable[..., Any]]:
    """The owner, the name and the function at module:path."""
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    owner: Any = import_module(module)
    for owner_name in owners:
        owner = getattr(owner, owner_name)
    return owner, name, getattr(owner, name)


def main(file: str, *arguments: str) -> int:
    from lrlab.cli.main import main as command_line

    clock = Clock()
    for account, targets in COMPONENTS.items():
        for target in targets:
            clock.wrap(target, account)
    owner, name, prepare = located(CHECKED)

    def checked(*args: Any) -> Any:
        returned = prepare(*args)
        clock.reset()
        return returned

    setattr(owner, name, checked)
    code = command_line(arguments)
    Path(file).write_text(json.dumps(clock.read()))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
