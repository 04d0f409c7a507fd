"""Runs that are forgotten with the process: the choice conf/tracking/none.yaml."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Unpack
from uuid import uuid4

from lrlab.runtime.process_id import ProcessId
from lrlab.tracking.store import MissingRunError
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import (
    CONFIG,
    Histories,
    OpenRun,
    RunFields,
    RunRecord,
    RunSummary,
    SweepTrials,
    TerminalStatus,
    Tracker,
)


class MemoryTracker(Tracker):
    """Keep runs in this process only. `files` holds what was attached, by run id."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, bytes]] = {}
        self._records: dict[str, RunRecord] = {}

    def create_run(self, name: str, **fields: Unpack[RunFields]) -> str:
        run_id = uuid4().hex
        params = {key: str(value) for key, value in fields.get("params", {}).items()}
        parent, tags, config = fields.get("parent"), dict(fields.get("tags", {})), fields.get("config")
        self._records[run_id] = RunRecord(run_id, name, "RUNNING", parent, params, tags, "", {})
        self.files[run_id] = {CONFIG: config.encode()} if config else {}
        return run_id

    def log_metrics(self, run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        history = self._record(run_id).metrics
        for key, value in metrics.items():
            history.setdefault(key, []).append((step, float(value)))

    def log_artifacts(self, run_id: str, files: Mapping[str, bytes]) -> None:
        self._record(run_id)
        self.files[run_id].update(files)

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        self._record(run_id).tags.update(tags)

    def add_params(self, run_id: str, params: Mapping[str, object]) -> None:
        has = self._record(run_id).params
        has.update({key: str(value) for key, value in params.items() if key not in has})

    def end_run(self, run_id: str, status: TerminalStatus = "FINISHED") -> None:
        self._records[run_id] = replace(self._record(run_id), status=status)

    def reopen_run(self, run_id: str) -> None:
        self._records[run_id] = replace(self._record(run_id), status="RUNNING")
        self.set_tags(run_id, {Tag.OWNER: str(ProcessId.current())})

    def flush(self) -> None:
        pass

    def deliver(self) -> None:
        pass

    def close(self) -> None:
        pass

    def get_run(self, run_id: str) -> RunRecord:
        record = self._record(run_id)
        return replace(
            record,
            params=dict(record.params),
            tags=dict(record.tags),
            config=self.files[run_id].get(CONFIG, b"").decode(),
            metrics={key: sorted(points, key=lambda point: point[0]) for key, points in record.metrics.items()},
        )

    def child_runs(self, parent: str) -> list[RunRecord]:
        return [self.get_run(run_id) for run_id, record in self._records.items() if record.parent == parent]

    def summaries(self, parent: str) -> list[RunSummary]:
        return [summary_of(run) for run in self.child_runs(parent)]

    def histories(self, run_ids: Sequence[str], metrics: Collection[str]) -> Histories:
        found = {run_id: self.get_run(run_id).metrics for run_id in run_ids}
        return {run_id: {key: each[key] for key in metrics if key in each} for run_id, each in found.items()}

    def unfinished_runs(self) -> list[OpenRun]:
        running = [run for run in self._records.values() if run.status == "RUNNING"]
        tags = [(run, run.tags.get(Tag.OWNER, ""), run.tags.get(Tag.TRIAL, "")) for run in running]
        return [OpenRun(run.run_id, owner, 0.0, run.parent or "", trial) for run, owner, trial in tags]

    def close_orphans(self, gone: Collection[str] = (), sweeps: Sequence[SweepTrials] = ()) -> int:
        return 0

    def _record(self, run_id: str) -> RunRecord:
        if run_id not in self._records:
            raise MissingRunError(f"run_id {run_id!r} is not in this process's memory (tracking=none)")
        return self._records[run_id]


def summary_of(run: RunRecord) -> RunSummary:
    """Return the summary of a run."""
    latest = {key: points[-1] for key, points in run.metrics.items() if points}
    return RunSummary(run.run_id, run.name, run.status, run.params, run.tags, latest)


@dataclass(frozen=True)
class Memory:
    """Record nothing that outlives the process."""

    def verify(self, outputs: str) -> None:
        pass

    def open(self, outputs: str = "outputs", view: Mapping[str, str] | None = None) -> MemoryTracker:
        return MemoryTracker()
