"""What is recorded of a run, and the protocol that records it and reads it back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, Self, TypedDict, Unpack, runtime_checkable

from lrlab.errors import InputError


class UnreachableError(InputError):
    """The store does not answer now, or does not know yet what waits to be delivered to it."""


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
    tracker adds its own. `experiment` is the name of MLflow's experiment that holds the run, `experiment_id` its
    number; "" where there is none.
    """

    run_id: str
    name: str
    status: RunStatus
    parent: str | None
    params: dict[str, str]
    tags: dict[str, str]
    config: str
    metrics: dict[str, list[tuple[int, float]]]
    experiment: str = ""
    experiment_id: str = ""


@dataclass(frozen=True)
class RunSummary:
    """What tells one run from others, without its histories and its files: of a `RunRecord` with the same fields.

    `latest` holds of each metric the last step with its value.
    """

    run_id: str
    name: str
    status: RunStatus
    params: dict[str, str]
    tags: dict[str, str]
    latest: dict[str, tuple[int, float]]


class OpenRun(NamedTuple):
    """A run that was not ended.

    Attributes:
        owner: the process that writes it; "" if it has none.
        seen: when it last gave a sign of life, in seconds since 1970.
        parent, trial: the run of its sweep, and the number of its trial there; "" if it has none.
    """

    run_id: str
    owner: str
    seen: float
    parent: str
    trial: str


@dataclass(frozen=True)
class SweepTrials:
    """What a study knows of trials, some of which run on other machines.

    Attributes:
        parent: the run of the sweep.
        running: the numbers of those that somebody runs.
        interrupted: the numbers of those that were taken from whoever ran them.
    """

    parent: str
    running: Collection[str]
    interrupted: Collection[str]


Histories = dict[str, dict[str, list[tuple[int, float]]]]  # run id -> metric -> (step, value) pairs


class RunFields(TypedDict, total=False):
    """What a new run may have besides its name: `params` is flat, `config` is kept unchanged as `config.yaml`."""

    parent: str | None
    params: Mapping[str, object]
    tags: Mapping[str, str]
    config: str
    dataset: DatasetInfo | None


class Tracker(Protocol):
    """Record runs. One thread of one process uses it; several processes may record into the same store.

    A run that was created can be read at once. Metrics are buffered: they are written when the run ends, at
    `flush`, and when the oldest of them has waited for a few seconds. Closing writes what is buffered but ends
    no run: its creator knows how it ended.

    Every verb that takes a run id accepts runs of other processes. They all raise `InputError` when the id is
    unknown or the store cannot be reached; what is buffered stays in the buffer then.
    """

    def create_run(self, name: str, **fields: Unpack[RunFields]) -> str:
        """Create a run and return its id."""

    def log_metrics(self, run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        """Buffer the metrics of one step."""

    def log_artifacts(self, run_id: str, files: Mapping[str, bytes]) -> None:
        """Keep files with the run, by their path inside it."""

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Add tags or replace their values."""

    def add_params(self, run_id: str, params: Mapping[str, object]) -> None:
        """Add parameters to a run that another program began; those that it has already are kept."""

    def end_run(self, run_id: str, status: TerminalStatus = "FINISHED") -> None:
        """Write what is buffered for this run and close it."""

    def reopen_run(self, run_id: str) -> None:
        """Let a run that had ended go on, as this process's: it is RUNNING again."""

    def flush(self) -> None:
        """Write what is buffered."""

    def deliver(self) -> None:
        """Wait until the store has all that was recorded, as long as `tracking.wait` says.

        Raises:
            RecordsLeftError: some of it waits for a server.
        """

    def close(self) -> None:
        """Write what is buffered and close the store. Closing twice is fine."""

    def get_run(self, run_id: str) -> RunRecord:
        """Return the run with everything that was logged to it so far."""

    def child_runs(self, parent: str) -> list[RunRecord]:
        """Return the runs created under this one, oldest first."""

    def summaries(self, parent: str) -> list[RunSummary]:
        """Return what tells the runs created under this one apart, oldest first: for many of them."""

    def histories(self, run_ids: Sequence[str], metrics: Collection[str]) -> Histories:
        """Return the whole histories of some metrics of some runs, as `RunRecord` has them; those that there are."""

    def unfinished_runs(self) -> list[OpenRun]:
        """Return the runs that were not ended."""

    def close_orphans(self, gone: Collection[str] = (), sweeps: Sequence[SweepTrials] = ()) -> int:
        """Close as killed the runs that dead processes left open, or whose trials others ran again; return how many.

        Args:
            gone: hosts that are known to be gone, with all that ran there.
            sweeps: whose studies know which of their runs are open for good, and which are not.
        """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@runtime_checkable
class Tracking(Protocol):
    """A choice of conf/tracking: where runs are recorded."""

    def verify(self, outputs: str) -> None:
        """Raise InputError if the store cannot be reached."""

    def open(self, outputs: str, view: Mapping[str, str] | None = None) -> Tracker:
        """Return a tracker for this process, by default into the directory `outputs`.

        Args:
            view: tags of the experiment, which say what is shown of its runs (see `lrlab.tracking.run_table`).
        """
