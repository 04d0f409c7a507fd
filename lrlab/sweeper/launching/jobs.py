"""What launching a worker as a job of another system needs of that system, and what comes back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hydra.core.utils import JobReturn, JobStatus

from lrlab.config.hydra_compat import exception_of
from lrlab.sweeper.study.objective import short

POLL_INTERVAL = 1.0  # seconds between two questions of which jobs have ended
CANCEL_PERIOD = 6.0  # seconds that cancelled jobs have, to give their trials back
KILL_PERIOD = 2.0  # seconds for the rest to be gone, once they are killed


@dataclass(frozen=True)
class WorkerReport:
    """How a worker ended.

    Attributes:
        results: what its trials return to Hydra, by trial number.
        failure: why it ended before the trials did, in one line that names its host or job; "" if it did not.
    """

    results: list[tuple[int, Any]] = field(default_factory=list)
    failure: str = ""


class Jobs(Protocol):
    """The workers of a sweep as jobs of one system, by their numbers."""

    def submit(self, numbers: Sequence[int]) -> None:
        """Start a job for each of these workers.

        Raises:
            InputError: the system cannot be reached, or does not accept them.
        """

    def ended(self) -> Mapping[int, WorkerReport]:
        """Return the workers that have ended since they were asked for last."""

    def withdraw(self) -> None:
        """Cancel the jobs that wait to begin, as far as the system says which: there is nothing left for them to do."""

    def cancel(self) -> None:
        """Cancel all jobs; return once they are gone, at the latest after `CANCEL_PERIOD` and `KILL_PERIOD`."""


def worker_report(returned: JobReturn, job: str) -> WorkerReport:
    """Return the report in what Hydra makes of a worker's job.

    Args:
        job: what to call it where it failed outside of the worker.
    """
    if returned.status == JobStatus.FAILED:
        error = exception_of(returned)
        return WorkerReport(failure=f"{job}: {type(error).__name__}: {short(error, str)}")
    report: WorkerReport = returned.return_value
    return report
