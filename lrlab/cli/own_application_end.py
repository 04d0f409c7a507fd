"""The end of a sweep of somebody's own Hydra application: the best configuration, its roles, what to type next."""

from typing import TYPE_CHECKING

from lrlab.analysis.answers.answer import Answer
from lrlab.analysis.answers.answers import answers
from lrlab.analysis.job_runs import read_runs
from lrlab.cli import answers as shown
from lrlab.cli import console
from lrlab.commands.best import best, is_recorded
from lrlab.commands.sweep_description import describe
from lrlab.config.command_line import Places, command
from lrlab.errors import InputError
from lrlab.sweeper.job_tracking import JobTracking
from lrlab.sweeper.study.queue import NO_OBJECTIVE, OUTCOME, has_ended
from lrlab.tracking.tracker import UnreachableError

if TYPE_CHECKING:
    import optuna

    from lrlab.sweeper.roles import RolesOfSweep
    from lrlab.tracking.tracker import Tracker


def show_end(study: "optuna.Study", tracking: JobTracking | None, here: Places, roles: "RolesOfSweep") -> None:
    """Say what was found: the answers, the best configuration, its roles, what to type next."""
    recorded = tracking is not None and is_recorded(study)
    try:
        if tracking is not None and recorded:
            with tracking.open() as tracker:
                found, told = best(study, tracker), answers_of_jobs(study, tracker, here)
                describe(study, told, tracker, here)
        else:
            found, told = best(study, None), answers(study, None, here)
    except UnreachableError as trouble:  # it has everything in the end: what is missing waits in the spool
        console.runs_unreadable(study.study_name, str(trouble), here)
        return
    except InputError as nothing:
        console.out().print(f"sweep {study.study_name} is done: {_without_best(study) or nothing}")
        console.hints([(command("ui", places=here), "browse all runs in MLflow")] if recorded else [])
        return
    shown.print_answers(told)
    shown.trained(found)
    for line in roles.lines(study, list(found.metrics)):
        console.out().print(line)
    if here.storage_url == console.MEMORY:
        return
    if recorded:
        shown.hints(told, here)
    else:
        console.hints([(command("best", study.study_name, places=here), "the best configuration again")])


def answers_of_jobs(study: "optuna.Study", tracker: "Tracker", here: Places) -> tuple[Answer, ...]:
    """Return what the sweep of an application answers; the best alone where its loss is in doubt."""
    try:
        runs = read_runs(study, tracker, here)
    except InputError:
        runs = None
    return answers(study, runs, here)


def _without_best(study: "optuna.Study") -> str:
    """Return what became of a sweep that has no best configuration by its nature; "" of any other."""
    trials = [trial for trial in study.get_trials(deepcopy=False) if has_ended(trial)]
    if len(study.directions) > 1:
        front = ", ".join(str(trial.number) for trial in study.best_trials)
        return f"of its {len(study.directions)} objectives, none is better in all than trials {front or 'none'}"
    if trials and all(trial.user_attrs.get(OUTCOME) == NO_OBJECTIVE for trial in trials):
        return f"{len(trials)} jobs, which returned no number"
    return ""
