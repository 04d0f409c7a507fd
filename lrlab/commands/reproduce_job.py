"""Reproduction of a job of somebody's own Hydra application: run it again, and compare every value it recorded."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lrlab.commands.job_again import Target, run_again
from lrlab.errors import InputError
from lrlab.runs.history import MetricHistory
from lrlab.runs.job_record import OBJECTIVE, read_job
from lrlab.runs.recorder import parent_run
from lrlab.runs.reproduce import History, Reproduction, compare
from lrlab.runtime.packages import versions
from lrlab.tracking.tags import Tag
from lrlab.tracking.tracker import RunRecord, Tracker

ENVIRONMENT = {
    Tag.GIT_COMMIT: "commit",
    Tag.GIT_DIRTY: "uncommitted changes",
    Tag.GIT_DIFF: "digest of the uncommitted changes",
    Tag.PYTHON: "python",
}


def is_job(run: RunRecord) -> bool:
    """Return whether a run is a job of somebody's own application."""
    return Tag.JOB in run.tags


def reproduce_job(tracker: Tracker, run_id: str, target: Target, allow: Sequence[str] = ()) -> Reproduction:
    """Run a recorded job again, and compare. A job that was stopped is compared as far as it came.

    Args:
        tracker: holds the run, and takes the new one.
        run_id: of the job.
        target: where the application records.
        allow: prefixes of code and paths to trust. What a record says of that does not count.

    Raises:
        InputError: the run has no values to compare, its application is not to be trusted or not here, or it failed.
    """
    old = tracker.get_run(run_id)
    launch, overrides = read_job(old)
    then: History = _recorded(old)
    if not then:
        raise InputError(f"run_id must name a run that recorded a value to compare with, got {run_id} ({old.name})")
    launch.check_trusted(overrides, allow)
    with parent_run(tracker, f"reproduction of {old.name}", params={}, tags={Tag.REPLAY_OF: run_id}) as parent:
        target = replace(target, experiment=tracker.get_run(parent).experiment)
        code = run_again(launch, overrides, parent, target, allow, None)
        children = tracker.child_runs(parent)
        if not children:
            raise InputError(
                f"the job of run {run_id} cannot be run again: its application ended with exit code {code}"
            )
    new = children[-1]
    now: History = _recorded(new)
    if old.status != "FINISHED":
        then, now = common_part(then, now)
    verdict, difference = compare(then, now)
    return Reproduction(
        run_id=run_id,
        new_run_id=new.run_id,
        verdict=verdict,
        max_abs_difference=difference,
        metrics=MetricHistory(new.metrics).latest(),
        environment_changes=environment_changes(old.tags, new.tags),
    )


def environment_changes(then: Mapping[str, str], now: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return what two jobs have otherwise in code, Python and packages: name -> (then, now)."""
    changes = {
        name: (then.get(tag, "none"), now.get(tag, "none"))
        for tag, name in ENVIRONMENT.items()
        if then.get(tag) != now.get(tag)
    }
    before, after = (versions(tags.get(Tag.PACKAGES, "")) for tags in (then, now))
    for name in sorted(before | after):
        pair = before.get(name, "none"), after.get(name, "none")
        if pair[0] != pair[1]:
            changes[name] = pair
    return changes


def _recorded(run: RunRecord) -> dict[str, list[tuple[int, float]]]:
    """Return what lrlab recorded of a job: other metrics, which the application logs to MLflow, may hold times."""
    names = json.loads(run.tags.get(Tag.RECORDED, "null")) or list(run.metrics)
    return {name: run.metrics[name] for name in names if name in run.metrics}


def common_part(then: History, now: History) -> tuple[History, History]:
    """Return the values of a job that was stopped, and of its repetition as far as it came."""
    then = {name: points for name, points in then.items() if not name.startswith(OBJECTIVE)}
    return then, {name: now[name][: len(points)] for name, points in then.items() if name in now}
