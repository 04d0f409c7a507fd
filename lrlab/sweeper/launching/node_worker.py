"""A worker on another host: it looks at the host first, and says in one line why it could not go on."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from omegaconf import DictConfig

from lrlab.errors import InputError
from lrlab.runtime.signals import FORWARDED, handle_signals
from lrlab.sweeper.launching.jobs import WorkerReport
from lrlab.sweeper.study.objective import short
from lrlab.sweeper.worker import Worker

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class NodeWorker:
    """The task that a scheduler of several hosts runs; picklable.

    A scheduler tells a job to stop by SIGTERM, SIGUSR1 or, as submitit asks Slurm, by SIGUSR2 some time before the
    limit. The worker gives its trials back then, and reports that it was told so.
    """

    worker: Worker

    def __call__(self, config: DictConfig) -> WorkerReport:
        """Work, and report what came of it; raise nothing that another host could not read."""
        host = socket.gethostname()
        with handle_signals(ends_on_second=False) as signals, _warned_by(preemption_signal()):
            try:
                self.check_host()
                results = self.worker(config)
            except InputError as error:
                return WorkerReport(failure=f"{host}: {error}")
            except Exception as error:
                log.exception("a worker on %s failed", host)
                return WorkerReport(failure=f"{host}: {type(error).__name__}: {short(error, str)}")
        if signals.received is None:
            return WorkerReport(results)
        told = signal.Signals(signals.received).name
        return WorkerReport(results, f"{host}: told to stop ({told}), as before a time limit or when preempted")

    def check_host(self) -> None:
        """Refuse a host that lacks what the sweep needs, before anything is written there.

        Raises:
            InputError: names what is missing, and the remedy.
        """
        sweep, storage = self.worker.sweep, self.worker.storage
        directory = self.worker.folder()
        if not storage.exists:
            raise InputError(f"there is no {storage.file}, which holds the study: share it, or use postgresql://…")
        os.chdir(directory)
        self.worker.application.check_host(sweep, self.worker.state)


def preemption_signal() -> int:
    """Return the signal by which submitit has Slurm warn a job of its end."""
    name = os.environ.get("SUBMITIT_PREEMPT_SIGNAL", "USR2")
    found: int = getattr(signal, f"SIG{name}", signal.SIGUSR2)
    return found


@contextmanager
def _warned_by(signum: int) -> Iterator[None]:
    """Take a signal for one that a sweep forwards to its workers."""
    if threading.current_thread() is not threading.main_thread() or signum in (FORWARDED, signal.SIGTERM):
        yield
        return
    before = signal.signal(signum, lambda *_: signal.raise_signal(FORWARDED))
    try:
        yield
    finally:
        signal.signal(signum, before)
