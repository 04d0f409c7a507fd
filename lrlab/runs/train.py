"""One training on record: from its beginning, or from where its process was stopped."""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lrlab.errors import InputError
from lrlab.runs import checkpoint, recorder
from lrlab.runs.checkpoint import History
from lrlab.runtime import process_id
from lrlab.runtime.environment import cores, limit_blas
from lrlab.runtime.signals import handle_signals
from lrlab.tracking.tracker import Tracker
from lrlab.training.configuration import experiment, from_yaml
from lrlab.training.experiment import EpochResult, Population
from lrlab.training.single import single, train_epochs

Watch = Callable[[EpochResult, int], None]


def train(config: Mapping[str, Any], tracker: Tracker, watch: Watch) -> tuple[str, EpochResult, str]:
    """Train a resolved configuration; returns its run id, its last epoch and the verdict on its learning rate."""
    wanted = experiment(config)
    limit_blas(config["blas_threads"] or cores())
    cohort = single(wanted, wanted.data.load(), microbatch=config["population"]["microbatch"])
    (member,) = cohort.members
    run_id = recorder.start(tracker, config, cohort, member, name="train")
    return run_id, *_train(tracker, run_id, cohort, defaultdict(list), checkpoints(config["outputs"]), 0, watch)


def resume(
    run_id: str, outputs: str, tracker: Tracker, watch: Watch, allow: Sequence[str] = ()
) -> tuple[EpochResult, str]:
    """Train a run that was stopped to its end, from its last checkpoint if there is one; returns as `begin` does.

    Its epochs are those that it would have had. Each is recorded once.

    Args:
        allow: prefixes of further code to trust. What a record says of that does not count.

    Raises:
        InputError: the run is unknown, no single training, finished, or not known to have stopped.
    """
    record = tracker.get_run(run_id)
    _check_stopped(record.run_id, record.name, record.status, record.tags)
    provenance = json.loads(record.tags[recorder.PROVENANCE])
    wanted = experiment(from_yaml(record.config) | {"allow": allow})
    wanted.data.verify()
    limit_blas(provenance["environment"]["blas_threads"])
    place = {key: provenance[key] for key in ("width", "slot", "microbatch", "first_epoch")}
    folder = checkpoints(outputs)
    found = checkpoint.load(folder, run_id, lambda trouble: print(f"lrlab: {trouble}", file=sys.stderr))
    cohort = single(wanted, wanted.data.load(), **place | ({"first_epoch": found.shuffles} if found else {}))
    history: History = defaultdict(list)
    if found:
        found.restore(cohort.members[0])
        history.update(found.history)
    tracker.set_tags(run_id, {process_id.TAG: process_id.this_process()})
    known = max((points[-1][0] for points in record.metrics.values()), default=0)
    return _train(tracker, run_id, cohort, history, folder, known, watch)


def checkpoints(outputs: str) -> Path:
    """Where the checkpoints of all runs are."""
    return Path(outputs) / "checkpoints"


def _train(
    tracker: Tracker, run_id: str, cohort: Population, history: History, folder: Path, known: int, watch: Watch
) -> tuple[EpochResult, str]:
    """Train the only member to its end; epochs up to `known` are on record already."""
    (member,) = cohort.members
    total = member.experiment.method.n_epochs(member.experiment, cohort.dataset)
    with handle_signals() as stop:
        try:
            saved = time.monotonic()
            for event in stop.interruptible_iter(train_epochs(cohort)):
                for name, value in event.metrics.items():
                    history[name].append((event.epoch, value))
                if event.epoch > known:
                    tracker.log_metrics(run_id, event.epoch, event.metrics)
                watch(event, total)
                if time.monotonic() - saved >= checkpoint.INTERVAL:
                    checkpoint.save(folder, run_id, cohort, member, history)
                    saved = time.monotonic()
            weights = member.weights()
            recorder.log_weights(tracker, run_id, weights)
            recorder.log_plots(tracker, run_id, member.experiment.model, cohort.dataset, weights, history)
            verdict = recorder.log_learning_rate_diagnosis(tracker, run_id, cohort, member, history)
        except BaseException as error:
            tracker.end_run(run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
            raise
        tracker.end_run(run_id, "FAILED" if event.diverged else "FINISHED")
        checkpoint.discard(folder, run_id)
    return event, verdict


def _check_stopped(run_id: str, name: str, status: str, tags: Mapping[str, str]) -> None:
    if recorder.PROVENANCE not in tags or "mlflow.parentRunId" in tags:
        raise InputError(f"run_id must name a run of lrlab train, got {run_id} ({name})")
    if status == "FINISHED" or "lrlab.diverged" in tags:
        raise InputError(f"run {run_id} is over: there is nothing to go on with")
    process = tags.get(process_id.TAG, "")
    if process != process_id.this_process() and not process_id.is_gone(process) and status == "RUNNING":
        host = process_id.host(process)
        raise InputError(
            f"run {run_id} may still be running on {host}; if that machine is gone: lrlab repair --gone {host}"
        )
