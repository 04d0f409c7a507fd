"""What `best`, `reproduce` and `resume` do with a sweep of somebody's own Hydra application."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lrlab.analysis.answers.answers import answers
from lrlab.cli import answers as shown
from lrlab.cli import console
from lrlab.cli.options import Records
from lrlab.cli.own_application_end import answers_of_jobs
from lrlab.commands import best as command
from lrlab.commands import confirm_jobs, job_again, reproduce_job
from lrlab.config.command_line import HERE, RESUME_PREFIX
from lrlab.config.override import text_override, texts_override
from lrlab.errors import InputError
from lrlab.runs.job_record import check_complete
from lrlab.runtime import child_process

if TYPE_CHECKING:
    import optuna

    from lrlab.sweeper.study.state import SweepState
    from lrlab.tracking.tracker import Tracker

STORAGE = f"{RESUME_PREFIX}STORAGE"  # the variable of an address, which may hold a password
NOT_AGAIN = ("hydra.sweeper.allow=", "hydra.sweeper.study_name=")  # trust is not inherited


def best(
    study: "optuna.Study",
    state: "SweepState",
    records: Records,
    confirm: int | None,
    top: int,
    allow: Sequence[str],
    *,
    as_json: bool,
) -> None:
    """Show the best configuration of a study, or what fresh seeds say of the best ones."""
    if confirm is not None:
        with records.tracker(study) as tracker:
            target = job_again.Target(records.tracking(study).address(str(records.outputs)), records.outputs)
            confirmed = confirm_jobs.confirm_jobs(study, state, tracker, target, seeds=confirm, top=top, allow=allow)
            console.result(confirmed, console.jobs_confirmed, as_json=as_json)
            tracker.deliver()
        return
    if not command.is_recorded(study):
        shown.best(command.best(study, None), answers(study, None, records), records, as_json=as_json)
        return
    with records.tracker(study) as tracker:
        found, told = command.best(study, tracker), answers_of_jobs(study, tracker, records)
    shown.best(found, told, records, as_json=as_json)


def reproduce(run_id: str, tracker: "Tracker", target: job_again.Target, allow: Sequence[str], *, as_json: bool) -> int:
    """Run a recorded job again and compare; return 1 if they differ."""
    outcome = reproduce_job.reproduce_job(tracker, run_id, target, allow)
    console.result(outcome, console.reproduced, as_json=as_json)
    tracker.deliver()
    return 1 if outcome.verdict == "differs" else 0


def resume(study: "optuna.Study", state: "SweepState", records: Records, further: Sequence[str]) -> int:
    """Go on with the sweep of a study: run its application again, and return its exit code."""
    begun, launch = state.command, state.launch
    if begun is None or launch is None:
        raise InputError(f"study {study.study_name} has no application to be run again")
    kept = [override for override in begun.overrides if not override.lstrip("+").startswith(NOT_AGAIN)]
    check_complete(kept)
    launch.check_trusted(kept, records.allow)
    environment = dict(os.environ)
    trust = [texts_override("hydra.sweeper.allow", records.allow)] if records.allow else []
    elsewhere = "" if records.outputs == HERE.outputs else str(records.outputs / "optuna.log")
    if storage := records.storage_url or elsewhere:
        environment[STORAGE] = storage
        trust.append(f"hydra.sweeper.storage=${{oc.env:{STORAGE}}}")
    if records.tracking_uri:
        environment[job_again.ADDRESS] = records.tracking_uri
        trust.append(f"hydra.sweeper.tracking=${{oc.env:{job_again.ADDRESS}}}")
    name = text_override("hydra.sweeper.study_name", study.study_name)
    return child_process.run(launch.command([*kept, *trust, *further, name]), environment)
