"""What a run leaves behind, and the verbs that record it and read it back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol, Self, runtime_checkable

from lrlab.errors import InputError


class UnreachableError(InputError):
    """The place does not answer now, or does not know yet what waits to be delivered to it."""


TerminalStatus = Literal["FINISHED", "FAILED", "KILLED"]
RunStatus = TerminalStatus | Literal["RUNNING"]
CONFIG = "config.yaml"


@dataclass(frozen=True)
class DatasetInfo:
    """The data a run was trained on: its sha256 in hex, where it comes from, and the rows of each split."""

    name: str
    digest: str
    source: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRecord:
    """A run as it was recorded.

    `status` is RUNNING until the run is ended. `metrics` holds the whole history of each metric as (step,
    value) pairs in the order of the steps, NaN and infinities included. `tags` may hold more than was given: a
    tracker adds its own.
    """

    run_id: str
    name: str
    status: RunStatus
    parent: str | None
    params: dict[str, str]
    tags: dict[str, str]
    config: str
    metrics: dict[str, list[tuple[int, float]]]


class Tracker(Protocol):
    """Records runs. Used by one thread of one process; several processes may record into the same place.

    A run that was started can be seen at once. Metrics are buffered: they are written when the run ends, at
    `flush`, and when the oldest of them has waited for a few seconds. Closing writes what is buffered but ends
    no run: who started it knows how it ended.

    Every verb that takes a run id accepts runs of other processes. They all raise `InputError` when the id is
    unknown or the place cannot be reached; what is buffered stays in the buffer then.
    """

    def create_run(
        self,
        name: str,
        *,
        parent: str | None = None,
        params: Mapping[str, object] = ...,
        tags: Mapping[str, str] = ...,
        config: str = "",
        dataset: DatasetInfo | None = None,
    ) -> str:
        """Begin a run, return its id. `params` is flat; `config` is kept to the letter as `config.yaml`."""

    def log_metrics(self, run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        """Buffer the metrics of one step."""

    def log_artifacts(self, run_id: str, files: Mapping[str, bytes]) -> None:
        """Keep files with the run, by their path inside it."""

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Add tags or replace their values."""

    def end_run(self, run_id: str, status: TerminalStatus = "FINISHED") -> None:
        """Write what is buffered for this run and close it."""

    def flush(self) -> None:
        """Write what is buffered."""

    def close(self) -> None:
        """Write what is buffered and let go of the place. Closing twice is fine."""

    def get_run(self, run_id: str) -> RunRecord:
        """The run with everything that was logged to it so far."""

    def child_runs(self, parent: str) -> list[RunRecord]:
        """The runs started under this one, oldest first."""

    def close_orphans(self, gone: Collection[str] = ()) -> int:
        """Close as killed the runs that dead processes left open; how many.

        Args:
            gone: hosts that are known to be gone, with all that ran there.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@runtime_checkable
class Tracking(Protocol):
    """A choice of conf/tracking: where runs are recorded."""

    def verify(self, outputs: str) -> None:
        """Refuse a place that cannot be reached."""

    def open(self, outputs: str) -> Tracker:
        """A tracker for this process. What it keeps by default lies in the directory `outputs`."""
