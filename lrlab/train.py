"""One training on record: from its beginning, or from where its process was stopped."""

import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lrlab import owner, recording
from lrlab.configuration import experiment, from_yaml
from lrlab.errors import InputError
from lrlab.stopping import stoppable
from lrlab.tracking.tracker import Tracker
from lrlab.training import checkpoint
from lrlab.training.checkpoint import History
from lrlab.training.environment import cores, limit_blas
from lrlab.training.method import Cohort, Event
from lrlab.training.solo import epochs, solo

Watch = Callable[[Event, int], None]


def begin(config: Mapping[str, Any], tracker: Tracker, watch: Watch) -> tuple[str, Event, str]:
    """Train a resolved configuration; returns its run id, its last epoch and the verdict on its learning rate."""
    wanted = experiment(config)
    limit_blas(config["blas_threads"] or cores())
    cohort = solo(wanted, wanted.data.load(), microbatch=config["population"]["microbatch"])
    (member,) = cohort.members
    run_id = recording.start(tracker, config, cohort, member, name="train")
    return run_id, *_train(tracker, run_id, cohort, defaultdict(list), checkpoints(config["outputs"]), 0, watch)


def go_on(run_id: str, outputs: str, tracker: Tracker, watch: Watch, allow: Sequence[str] = ()) -> tuple[Event, str]:
    """Train a run that was stopped to its end, from its last checkpoint if there is one; returns as `begin` does.

    Its epochs are those that it would have had. Each is recorded once.

    Args:
        allow: prefixes of further code to trust. What a record says of that does not count.

    Raises:
        InputError: the run is unknown, no single training, finished, or not known to have stopped.
    """
    record = tracker.read(run_id)
    _check_stopped(record.run_id, record.name, record.status, record.tags)
    provenance = json.loads(record.tags[recording.PROVENANCE])
    wanted = experiment(from_yaml(record.config) | {"allow": allow})
    wanted.data.verify()
    limit_blas(provenance["environment"]["blas_threads"])
    place = {key: provenance[key] for key in ("width", "slot", "microbatch", "first_epoch")}
    folder = checkpoints(outputs)
    found = checkpoint.load(folder, run_id, lambda trouble: print(f"lrlab: {trouble}", file=sys.stderr))
    cohort = solo(wanted, wanted.data.load(), **place | ({"first_epoch": found.shuffles} if found else {}))
    history: History = defaultdict(list)
    if found:
        found.restore(cohort.members[0])
        history.update(found.history)
    tracker.tag(run_id, {owner.TAG: owner.this_process()})
    known = max((points[-1][0] for points in record.metrics.values()), default=0)
    return _train(tracker, run_id, cohort, history, folder, known, watch)


def checkpoints(outputs: str) -> Path:
    """Where the checkpoints of all runs are."""
    return Path(outputs) / "checkpoints"


def _train(
    tracker: Tracker, run_id: str, cohort: Cohort, history: History, folder: Path, known: int, watch: Watch
) -> tuple[Event, str]:
    """Train the only member to its end; epochs up to `known` are on record already."""
    (member,) = cohort.members
    total = member.experiment.method.epochs(member.experiment, cohort.dataset)
    with stoppable() as stop:
        try:
            saved = time.monotonic()
            for event in stop.between(epochs(cohort)):
                for name, value in event.metrics.items():
                    history[name].append((event.epoch, value))
                if event.epoch > known:
                    tracker.log(run_id, event.epoch, event.metrics)
                watch(event, total)
                if time.monotonic() - saved >= checkpoint.INTERVAL:
                    checkpoint.save(folder, run_id, cohort, member, history)
                    saved = time.monotonic()
            weights = member.weights()
            recording.keep(tracker, run_id, weights)
            recording.draw(tracker, run_id, member.experiment.model, cohort.dataset, weights, history)
            verdict = recording.judge(tracker, run_id, cohort, member, history)
        except BaseException as error:
            tracker.end(run_id, "FAILED" if isinstance(error, Exception) else "KILLED")
            raise
        tracker.end(run_id, "FAILED" if event.diverged else "FINISHED")
        checkpoint.discard(folder, run_id)
    return event, verdict


def _check_stopped(run_id: str, name: str, status: str, tags: Mapping[str, str]) -> None:
    if recording.PROVENANCE not in tags or "mlflow.parentRunId" in tags:
        raise InputError(f"run_id must name a run of lrlab train, got {run_id} ({name})")
    if status == "FINISHED" or "lrlab.diverged" in tags:
        raise InputError(f"run {run_id} is over: there is nothing to go on with")
    process = tags.get(owner.TAG, "")
    if process != owner.this_process() and not owner.is_dead(process) and status == "RUNNING":
        host = owner.host(process)
        raise InputError(
            f"run {run_id} may still be running on {host}; if that machine is gone: lrlab repair --gone {host}"
        )
