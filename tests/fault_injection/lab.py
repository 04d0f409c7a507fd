"""A sweep in a directory of its own, as a process that can be killed, and what it left behind."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import chdir, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrlab.cli.main import main
from lrlab.runtime.process_id import ProcessId, is_gone
from lrlab.sweeper.study.queue import INTERRUPTED, OUTCOME, Queue, TrialCounts, claimants
from lrlab.sweeper.study.state import STATE
from lrlab.sweeper.study.storage import Storage, parse
from lrlab.sweeper.study.study import names
from lrlab.tracking.mlflow import Mlflow
from lrlab.tracking.mlflow_tracker import MlflowTracker

STUDY = "faults"
SPACE = ("optimizer.lr=tag(log,interval(1e-3,1))", "batch_size=16,32")
TWO = ("hydra/launcher=joblib", "hydra.sweeper.n_jobs=2")


@dataclass(frozen=True)
class Lab:
    """The directory `place` is the current one of everything that is run."""

    place: Path
    storage_url: str | None = None

    @property
    def storage(self) -> Storage:
        return parse(self.storage_url or "outputs/optuna.log", self.place)

    def command(self, trials: int, *overrides: str) -> list[str]:
        given = [f"study={STUDY}", f"hydra.sweeper.n_trials={trials}", *SPACE, *overrides]
        return [sys.executable, "-m", "lrlab.cli.main", "sweep", "quickstart", *given]

    @contextmanager
    def running(self, command: list[str], **options: Any) -> Iterator["subprocess.Popen[str]"]:
        """A process in a group of its own; whatever is left of the group dies at the end."""
        with (self.place / "said").open("a") as said:
            process = subprocess.Popen(
                command, cwd=self.place, stdout=said, stderr=said, text=True, start_new_session=True, **options
            )
        try:
            yield process
        finally:
            end_group(process.pid)
            process.wait()

    def resume(self, *overrides: str) -> int:
        """As a user does, in this process."""
        with chdir(self.place):
            return main(["resume", STUDY, *overrides])

    def resume_run(self, run_id: str) -> int:
        with chdir(self.place):
            return main(["resume", run_id])

    def queue(self) -> Queue | None:
        known = self.storage.exists and STUDY in names(self.storage)
        return Queue(self.storage, STUDY) if known else None

    def tracker(self) -> MlflowTracker:
        return Mlflow().open(str(self.place / "outputs"))

    def runs(self) -> list[str]:
        """The ids of all runs, the oldest first."""
        with closing(sqlite3.connect(self.place / "outputs" / "mlflow.db")) as db:
            return [run_id for (run_id,) in db.execute("SELECT run_uuid FROM runs ORDER BY start_time, rowid")]

    def points(self, others: Collection[str]) -> int:
        """How many metric values are recorded of runs that are none of these."""
        with closing(sqlite3.connect(self.place / "outputs" / "mlflow.db")) as db:
            counts = db.execute("SELECT run_uuid, COUNT(*) FROM metrics GROUP BY run_uuid").fetchall()
        return sum(count for run_id, count in counts if run_id not in others)

    def workers(self) -> list[int]:
        """The processes that run trials now."""
        queue = self.queue()
        found = {owner for trial in queue.running() for owner in claimants(trial)} if queue else set()
        processes = [ProcessId.parse(owner) for owner in found if not is_gone(owner)]
        return [int(process.pid) for process in processes if process]

    def wait(self, happened: Callable[[], object], process: "subprocess.Popen[str]", seconds: float = 120) -> bool:
        """Whether it happened before the process ended."""
        for _ in range(int(seconds / 0.05)):
            if happened():
                return True
            if process.poll() is not None:
                return False
            time.sleep(0.05)
        raise TimeoutError((self.place / "said").read_text())

    def check(self, trials: int) -> TrialCounts:
        """0 lost, 0 told twice, 0 left RUNNING, 0 open runs, and every complete trial has a finished run."""
        queue = self.queue()
        assert queue
        tally = queue.counts()
        assert (tally.total, tally.done, tally.failed) == (trials, trials, 0), tally
        counted = [trial for trial in queue.trials() if trial.user_attrs.get(OUTCOME) != INTERRUPTED]
        assert len(counted) == trials
        with Mlflow().open(str(self.place / "outputs")) as tracker:
            assert tracker.unfinished_runs() == []
            parent = queue.study().user_attrs[STATE]["run_id"]
            runs = {run.run_id: run for run in tracker.child_runs(parent)}
            assert tracker.get_run(parent).status == "FINISHED"
        for trial in counted:
            run = runs[trial.user_attrs["run_id"]]
            assert run.status == {"COMPLETE": "FINISHED", "FAIL": "FAILED"}[trial.state.name]
            if trial.value is not None:
                assert run.metrics["val/loss"][-1][1] == trial.value
            steps = [step for step, _ in run.metrics["val/loss"]]
            assert steps == list(range(1, len(steps) + 1))
        assert max(Counter(trial.user_attrs["run_id"] for trial in counted).values()) == 1
        return tally


def end_group(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def seeded(name: str, seed: int = 0) -> random.Random:
    print(f"seed of {name}: {seed}")
    return random.Random(seed)
