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

from lrlab.owner import Owner, is_dead
from lrlab.stopping import PASSED_ON, Stop
from lrlab.sweep import bracket
from lrlab.sweep.queue import Queue, owners
from lrlab.sweep.storage import Storage
from lrlab.sweep.worker import Worker

ATTEMPTS = 3  # launches in a row that may end without a trial done

Results = list[tuple[int, Any]]  # what each trial hands back to Hydra, by trial number


@dataclass(frozen=True)
class Crew:
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

    def work(self, stop: Stop) -> Results:
        """Until no trial waits, nor a bracket wants further ones, or too many have failed."""
        results = self._work(stop)
        for _ in range(bracket.ROUNDS):
            with self.storage.alone():
                space, directions = self.worker.search.space, self.worker.directions
                more = bracket.further(space, self.queue.trials(), directions)
                if not more or self.queue.tally().waiting:
                    break
                self.queue.add(more)
            results += self._work(stop)
        return results

    def _work(self, stop: Stop) -> Results:
        """Launch the workers, again if trials were left waiting because some of them died.

        Raises:
            BrokenProcessPool: they die again and again, and no trial is done.
        """
        results: Results = []
        fruitless = 0
        while True:
            done, broken = self.queue.tally().done, None
            try:
                with stop.in_time(self._pass_on):
                    results += self._launch()
            except BrokenProcessPool as error:
                broken = error
            stop.check()
            with self.storage.alone():
                self.queue.repair()
            tally = self.queue.tally()
            if not tally.waiting or self.worker.too_many_failed(tally):
                return results
            fruitless = 0 if tally.done > done else fruitless + 1
            if broken and fruitless == ATTEMPTS:
                raise broken
            if broken:
                print(f"A worker died; {tally.waiting} trials go on without it", file=sys.stderr)

    def _launch(self) -> Results:
        """Run the workers as jobs of Hydra's launcher that leave no folder, no log file and call no callbacks."""
        quiet = HydraContext(config_loader=self.hydra_context.config_loader, callbacks=Callbacks())
        config = copy.deepcopy(self.config)
        with read_write(config.hydra):
            config.hydra.overrides.hydra += [
                *self.worker.sweep.probes[0],  # some choice, for configs that cannot be composed without
                "hydra.sweep.subdir=.",
                "hydra.output_subdir=null",
                "hydra.job.chdir=false",
                "hydra/job_logging=none",
            ]
        launcher = Plugins.instance().instantiate_launcher(quiet, self.worker, config)
        returned = launcher.launch([[]] * self.worker.sweep.workers, initial_job_idx=0)
        return [result for job in returned for result in job.return_value]

    def _pass_on(self) -> None:
        """Tell the workers that are processes of this one that a signal came."""
        for trial in self.queue.trials(TrialState.RUNNING):
            for owner in owners(trial):
                process = Owner.parse(owner)
                if process and not is_dead(owner) and _parent(process.pid) == os.getpid():
                    with suppress(ProcessLookupError):
                        os.kill(int(process.pid), PASSED_ON)


def _parent(pid: str) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None
