"""The workers of a sweep: launched, launched again when some of them died, and stopped."""

import copy
import os
import sys
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from omegaconf import DictConfig, read_write
from optuna.trial import TrialState

from lrlab.runtime.process_id import ProcessId, is_gone
from lrlab.runtime.signals import FORWARDED, SignalHandler
from lrlab.sweep.search import bracket
from lrlab.sweep.study.queue import Queue, claimants
from lrlab.sweep.study.storage import Storage
from lrlab.sweep.worker import Worker

MAX_LAUNCHES = 3  # launches in a row that may end without a trial done

Results = list[tuple[int, Any]]  # what each trial hands back to Hydra, by trial number


@dataclass(frozen=True)
class WorkerPool:
    """The workers of one sweep.

    Args:
        worker: the job of each.
        hydra_context, config: of the sweep.
        storage, queue: where its trials are.
    """

    worker: Worker
    hydra_context: HydraContext
    config: DictConfig
    storage: Storage
    queue: Queue

    def run(self, stop: SignalHandler) -> Results:
        """Until no trial waits, nor a bracket wants further ones, or too many have failed."""
        results = self._run(stop)
        for _ in range(bracket.MAX_ROUNDS):
            with self.storage.exclusive():
                space, directions = self.worker.search.space, self.worker.directions
                more = bracket.propose(space, self.queue.trials(), directions)
                if not more or self.queue.counts().waiting:
                    break
                self.queue.enqueue(more)
            results += self._run(stop)
        return results

    def _run(self, stop: SignalHandler) -> Results:
        """Launch the workers, again if trials were left waiting because some of them died.

        Raises:
            BrokenProcessPool: they die again and again, and no trial is done.
        """
        results: Results = []
        fruitless = 0
        while True:
            done, broken = self.queue.counts().done, None
            try:
                with stop.forward_until(self._forward_signal):
                    results += self._launch()
            except BrokenProcessPool as error:
                broken = error
            stop.check()
            with self.storage.exclusive():
                self.queue.repair()
            tally = self.queue.counts()
            if not tally.waiting or self.worker.too_many_failed(tally):
                return results
            fruitless = 0 if tally.done > done else fruitless + 1
            if broken and fruitless == MAX_LAUNCHES:
                raise broken
            if broken:
                print(f"A worker died; {tally.waiting} trials go on without it", file=sys.stderr)

    def _launch(self) -> Results:
        """Run the workers as jobs of Hydra's launcher that leave no folder, no log file and call no callbacks."""
        quiet = HydraContext(config_loader=self.hydra_context.config_loader, callbacks=Callbacks())
        config = copy.deepcopy(self.config)
        with read_write(config.hydra):
            config.hydra.overrides.hydra += [
                *self.worker.sweep.boundary_overrides[0],  # some choice, for configs that cannot be composed without
                "hydra.sweep.subdir=.",
                "hydra.output_subdir=null",
                "hydra.job.chdir=false",
                "hydra/job_logging=none",
            ]
        launcher = Plugins.instance().instantiate_launcher(quiet, self.worker, config)
        returned = launcher.launch([[]] * self.worker.sweep.workers, initial_job_idx=0)
        return [result for job in returned for result in job.return_value]

    def _forward_signal(self) -> None:
        """Tell the workers that are processes of this one that a signal came."""
        for trial in self.queue.trials(TrialState.RUNNING):
            for owner in claimants(trial):
                process = ProcessId.parse(owner)
                if process and not is_gone(owner) and _parent(process.pid) == os.getpid():
                    with suppress(ProcessLookupError):
                        os.kill(int(process.pid), FORWARDED)


def _parent(pid: str) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None
