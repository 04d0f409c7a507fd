"""The commands that read what sweeps and trainings left: ``best``, ``reproduce``, ``repair``, ``ui``."""

import logging
import os
from typing import TYPE_CHECKING, Annotated

import typer

from lrlab.cli.options import Allow, Json, Outputs, Records, StorageUrl, Study, TrackingUri
from lrlab.config.command_line import OUTPUTS

if TYPE_CHECKING:
    import optuna

    from lrlab.tracking.tracker import Tracker

log = logging.getLogger(__name__)

Confirm = Annotated[int | None, typer.Option(metavar="N", help="train again on N fresh seeds, test, and register")]


def best(
    study: Study = None,
    confirm: Confirm = None,
    top: Annotated[int, typer.Option(metavar="K", help="with --confirm: so many configurations")] = 3,
    outputs: Outputs = OUTPUTS,
    storage: StorageUrl = None,
    tracking_uri: TrackingUri = None,
    allow: Allow = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Show the best configuration of a study.

    \b
    examples:
      lrlab best --json
      lrlab best --confirm 5                       # the best three again on five fresh seeds, then the test split
    """
    from lrlab.analysis.answers.answers import answers as answer
    from lrlab.analysis.runs import read
    from lrlab.cli import answers, console, own_application_commands, progress
    from lrlab.commands import best as command
    from lrlab.commands import confirm as confirmation
    from lrlab.sweeper.study.state import read_state
    from lrlab.tracking.registry import Registry

    records = Records(outputs, storage, tracking_uri, allow)
    chosen = records.study(study)
    state = read_state(chosen)
    if state and state.launch:
        own_application_commands.best(chosen, state, records, confirm, top, allow, as_json=as_json)
        return
    if confirm is None and state and not state.run_id:  # its sweep kept no runs
        answers.best(command.best(chosen, None), answer(chosen, None, records), records, as_json=as_json)
        return
    if confirm is None:
        with records.tracker(chosen) as tracker:
            found = command.best(chosen, tracker)
            told = answer(chosen, read(chosen, tracker, records), records)
        answers.best(found, told, records, as_json=as_json)
        return
    records.check_kept(chosen)
    tracking = records.tracking(chosen)
    registry = Registry.beside(tracking.place.uri, str(outputs))
    with tracking.open_existing(str(outputs)) as tracker:
        with progress.step_progress("confirming") as watch:
            confirmed = confirmation.confirm(
                chosen, tracker, seeds=confirm, top=top, registry=registry, watch=watch, allow=allow
            )
        console.result(confirmed, console.confirmed, as_json=as_json)  # before closing, which a lost store may fail
        tracker.deliver()


def reproduce(
    run: Annotated[str, typer.Argument(metavar="RUN", help="best, trial number or run id")] = "best",
    moved: Annotated[
        list[str] | None, typer.Argument(metavar="data.path=PATH", help="where the data are now", show_default=False)
    ] = None,
    study: Annotated[str | None, typer.Option(metavar="STUDY", help="default: the newest")] = None,
    outputs: Outputs = OUTPUTS,
    storage: StorageUrl = None,
    tracking_uri: TrackingUri = None,
    allow: Allow = [],  # noqa: B006
    as_json: Json = False,
) -> int:
    """Train a recorded run again and compare the two.

    Compares every epoch of every metric. The exit code is 1 if they differ. Multiplies with the BLAS kernel of the
    record, in a process of its own, where the processor can; to decide yourself, set OPENBLAS_CORETYPE.

    \b
    examples:
      lrlab reproduce best
      lrlab reproduce 17 --study quickstart_0131_1200_k3f9x
      lrlab reproduce 0f3c…  # an MLflow run id
      lrlab reproduce best data.path=moved/train.csv
    """
    from lrlab.cli import console, own_application_commands, progress
    from lrlab.commands.job_again import Target
    from lrlab.commands.reproduce_job import is_job
    from lrlab.runs import reproduce as runs
    from lrlab.runs.recorder import moved_paths
    from lrlab.runtime import blas_kernel

    if "=" in run:
        run, moved = "best", [run, *(moved or [])]
    paths = moved_paths(moved or [])
    records = Records(outputs, storage, tracking_uri)
    of_study = run == "best" or (run.isdecimal() and len(run) < 32) or study is not None
    chosen = records.study(study) if of_study else None
    if chosen:
        records.check_kept(chosen)
    tracking = records.tracking(chosen)
    with tracking.open_existing(str(outputs)) if chosen else tracking.open_beside(run, str(outputs)) as tracker:
        run_id = _run_id(run, chosen, tracker)
        if is_job(tracker.get_run(run_id)):
            target = Target(tracking.address(str(outputs)), outputs)
            return own_application_commands.reproduce(run_id, tracker, target, allow, as_json=as_json)
        kernel = runs.other_kernel(tracker, run_id)
    if kernel and blas_kernel.VARIABLE not in os.environ:
        if blas_kernel.is_available(kernel):
            places = {"--outputs": str(outputs), "--storage": storage, "--tracking-uri": tracking_uri}
            places |= {"--study": chosen.study_name} if chosen else {}
            options = [f"{name}={value}" for name, value in places.items() if value]
            options += [*(f"--allow={prefix}" for prefix in allow), *(["--json"] if as_json else [])]
            return blas_kernel.run_module(kernel, "lrlab.cli.main", ["reproduce", run_id, *(moved or []), *options])
        log.warning("the BLAS kernel %s of the record is not available here: the replay may round otherwise", kernel)
    with tracking.open_beside(run_id, str(outputs)) as tracker:
        with progress.epoch_progress() as watch:
            outcome = runs.reproduce(tracker, run_id, watch, allow, paths)
        console.result(outcome, console.reproduced, as_json=as_json)
        tracker.deliver()
    return 1 if outcome.verdict == "differs" else 0


def repair(
    gone: Annotated[list[str], typer.Option(metavar="HOST", help="its processes are dead")] = [],  # noqa: B006
    outputs: Outputs = OUTPUTS,
    storage: StorageUrl = None,
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> int:
    """Clean up after killed processes, unavailable servers and moves.

    Gives back their trials, closes their runs, and delivers the records that are pending. Tells MLflow where the
    artifacts of a moved or copied output directory are.

    \b
    examples:
      lrlab repair --gone HOST                     # that machine will not come back
    """
    from lrlab.cli import console
    from lrlab.commands import repair as command

    records = Records(outputs, storage, tracking_uri)
    done = command.repair(records.storage(), records.tracking(), str(outputs), gone)
    console.result(done, lambda shown: console.repaired(shown, records), as_json=as_json)
    return 1 if done.waiting or done.trouble else 0


def ui(
    port: Annotated[int, typer.Option(metavar="PORT", help="of this machine")] = 5000,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="open it, if there is a display")] = True,
    outputs: Outputs = OUTPUTS,
    tracking_uri: TrackingUri = None,
) -> None:
    """Browse all runs in MLflow, on this machine only.

    Opens the experiment with the newest run.

    \b
    examples:
      lrlab ui --port 5001 --no-browser            # only print the address
    """
    import webbrowser

    from lrlab.cli import console
    from lrlab.runtime.display import has_display
    from lrlab.tracking.server import serve

    def announce(address: str) -> None:
        console.served(address)
        if browser and has_display():
            webbrowser.open(address)

    serve(Records(outputs, tracking_uri=tracking_uri).tracking().place.uri, str(outputs), port, announce)


def _run_id(run: str, study: "optuna.Study | None", tracker: "Tracker") -> str:
    """Return the run that RUN means: of the study's best trial, of a trial of it, or the run itself."""
    from lrlab.commands.best import best, run_of

    if study and run == "best":
        return best(study, tracker).run_id
    if study and run.isdecimal() and len(run) < 32:
        return run_of(study, int(run))
    return run
