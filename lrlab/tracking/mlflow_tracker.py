"""Track runs in MLflow: gather metrics and hand them to a store in few, large writes."""

import math
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Unpack

from lrlab.errors import InputError
from lrlab.runtime.process_id import ProcessId, is_gone
from lrlab.tracking.source_tags import source_tags
from lrlab.tracking.store import MAX_LENGTH, MetricPoint, RunSpec, RunUpdate, Store
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

FLUSH_INTERVAL = 3.0  # seconds a metric may wait


class MlflowTracker(Tracker):
    """Buffer metrics in front of a store of MLflow runs (see `Tracker`).

    Use it in a `with` statement: closing it writes what is buffered, after an exception too. SIGTERM raises SystemExit
    where `lrlab.runtime.signals.handle_signals` is in force, as in all commands and in the workers of a sweep, so
    nothing is lost then either. SIGKILL loses the metrics of the last few seconds.

    Parameters and tags are cut to the length MLflow keeps.

    Attributes:
        store: where the runs go.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._buffer: dict[str, list[MetricPoint]] = {}
        self._oldest = math.inf

    def create_run(self, name: str, **fields: Unpack[RunFields]) -> str:
        params = _texts(fields.get("params", {}))
        given = fields.get("tags", {})
        source = {} if Tag.SOURCE_NAME in given else source_tags()
        tags = {**source, Tag.OWNER: str(ProcessId.current()), **given, Tag.NAME: name}
        if parent := fields.get("parent"):
            tags[Tag.PARENT] = parent
        run_id = self.store.create_run(RunSpec(_now(), params, _cut(tags), fields.get("dataset")))
        if config := fields.get("config"):
            try:
                self.store.log_artifacts(run_id, {CONFIG: config.encode()})
            except InputError:  # nobody else knows of the run
                self.store.write(run_id, RunUpdate(status="FAILED"))
                raise
        return run_id

    def log_metrics(self, run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        now = time.monotonic()
        self._oldest = min(self._oldest, now)
        time_ms = _now()
        points = self._buffer.setdefault(run_id, [])
        points.extend(MetricPoint(key, float(value), time_ms, step) for key, value in metrics.items())
        if now - self._oldest > FLUSH_INTERVAL:
            self.flush()

    def log_artifacts(self, run_id: str, files: Mapping[str, bytes]) -> None:
        self.store.log_artifacts(run_id, files)

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        self.store.write(run_id, RunUpdate(tags=_cut(tags)))

    def add_params(self, run_id: str, params: Mapping[str, object]) -> None:
        self.store.write(run_id, RunUpdate(params=_texts(params)))

    def end_run(self, run_id: str, status: TerminalStatus = "FINISHED") -> None:
        self.store.write(run_id, RunUpdate(self._buffer.get(run_id, ()), status=status))
        self._buffer.pop(run_id, None)

    def reopen_run(self, run_id: str) -> None:
        self.store.write(run_id, RunUpdate(tags={Tag.OWNER: str(ProcessId.current())}, status="RUNNING"))

    def flush(self) -> None:
        for run_id, points in list(self._buffer.items()):
            self.store.write(run_id, RunUpdate(points))
            del self._buffer[run_id]
        self._oldest = math.inf

    def deliver(self) -> None:
        self.flush()
        self.store.deliver()

    def close(self) -> None:
        self.flush()
        self.store.close()

    def get_run(self, run_id: str) -> RunRecord:
        self.flush()
        return self.store.get_run(run_id)

    def child_runs(self, parent: str) -> list[RunRecord]:
        self.flush()
        return self.store.child_runs(parent)

    def summaries(self, parent: str) -> list[RunSummary]:
        self.flush()
        return self.store.summaries(parent)

    def histories(self, run_ids: Sequence[str], metrics: Collection[str]) -> Histories:
        self.flush()
        return self.store.histories(run_ids, metrics)

    def unfinished_runs(self) -> list[OpenRun]:
        self.flush()
        return self.store.unfinished_runs()

    def close_orphans(self, gone: Collection[str] = (), sweeps: Sequence[SweepTrials] = ()) -> int:
        known = {sweep.parent: sweep for sweep in sweeps}
        abandoned = [run.run_id for run in self.unfinished_runs() if _is_abandoned(run, gone, known)]
        abandoned += [run_id for sweep in sweeps for run_id in self._finished_in_vain(sweep)]
        for run_id in abandoned:
            self.store.write(run_id, RunUpdate(tags={Tag.ABANDONED: "true"}, status="KILLED"))
        return len(abandoned)

    def _finished_in_vain(self, sweep: SweepTrials) -> list[str]:
        """Return the runs that finished before their trials did, which were then taken from whoever ran them."""
        runs = self.summaries(sweep.parent) if sweep.interrupted else []
        return [run.run_id for run in runs if run.status == "FINISHED" and run.tags.get(Tag.TRIAL) in sweep.interrupted]


def _is_abandoned(run: OpenRun, gone: Collection[str], sweeps: Mapping[str, SweepTrials]) -> bool:
    if run.run_id in sweeps and sweeps[run.run_id].running:
        return False
    sweep = sweeps.get(run.parent)
    if sweep and run.trial in sweep.interrupted:
        return True
    return not (sweep and run.trial in sweep.running) and is_gone(run.owner, gone, run.seen)


def _texts(params: Mapping[str, object]) -> dict[str, str]:
    return {key: str(value)[: MAX_LENGTH["param"]] for key, value in params.items()}


def _cut(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: value[: MAX_LENGTH["tag"]] for key, value in tags.items()}


def _now() -> int:
    return time.time_ns() // 1_000_000
