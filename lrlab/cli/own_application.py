"""The end of a sweep of somebody's own Hydra application: the best configuration, its roles, what to type next."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrlab.cli import console
from lrlab.commands.best import best, is_recorded
from lrlab.config.command_line import Places, command
from lrlab.errors import InputError, RecordsLeftError
from lrlab.sweeper.job_tracking import JobTracking, job_tracking, parent_run, places, untold
from lrlab.sweeper.runners.hydra_job import JobApplication
from lrlab.sweeper.study.queue import NO_OBJECTIVE, OUTCOME, TrialCounts, has_ended
from lrlab.tracking.tracker import UnreachableError

if TYPE_CHECKING:
    import optuna

    from lrlab.sweeper.roles import RolesOfSweep
    from lrlab.sweeper.runners.protocols import Sweep
    from lrlab.sweeper.study.state import SweepState


@dataclass(frozen=True)
class OwnApplication(JobApplication):
    """A task function of somebody's own, whose sweeps end as those of lrlab's own trainer do."""

    def on_sweep_end(
        self, sweep: "Sweep", state: "SweepState", study: "optuna.Study", error: BaseException | None
    ) -> None:
        """Close the run of the sweep, and say what was found."""
        left = None
        try:
            super().on_sweep_end(sweep, state, study, error)
        except RecordsLeftError as undelivered:  # the sweep itself is done
            left = undelivered
        if parent_run(sweep.config):
            return  # whoever began it says what was found
        here = places(sweep.config)
        counts = TrialCounts.of(study.get_trials(deepcopy=False))
        if error is not None:
            console.sweep_stopped(sweep.study, here, untold(sweep.config))
        elif counts.running and not counts.complete:
            console.trials_taken(sweep.study, counts.running, here)
        else:
            _show_end(study, job_tracking(sweep.config, state.runs), here, self.roles(sweep))
        if left:
            raise left


def _show_end(study: "optuna.Study", tracking: JobTracking | None, here: Places, roles: "RolesOfSweep") -> None:
    recorded = tracking is not None and is_recorded(study)
    try:
        if tracking is not None and recorded:
            with tracking.open() as tracker:
                found = best(study, tracker)
        else:
            found = best(study, None)
    except UnreachableError as trouble:  # it has everything in the end: what is missing waits in the spool
        console.runs_unreadable(study.study_name, str(trouble), here)
        return
    except InputError as nothing:
        console.out().print(f"sweep {study.study_name} is done: {_without_best(study) or nothing}")
        console.hints([(command("ui", places=here), "browse all runs in MLflow")] if recorded else [])
        return
    console.configuration(found)
    for line in roles.lines(study, list(found.metrics)):
        console.out().print(line)
    if here.storage_url == console.MEMORY:
        return
    again = (command("best", study.study_name, places=here), "the best configuration again")
    console.hints(list(commands_after(study, here, roles.known)) if recorded else [again])


def _without_best(study: "optuna.Study") -> str:
    """Return what became of a sweep that has no best configuration by its nature; "" of any other."""
    trials = [trial for trial in study.get_trials(deepcopy=False) if has_ended(trial)]
    if len(study.directions) > 1:
        front = ", ".join(str(trial.number) for trial in study.best_trials)
        return f"of its {len(study.directions)} objectives, none is better in all than trials {front or 'none'}"
    if trials and all(trial.user_attrs.get(OUTCOME) == NO_OBJECTIVE for trial in trials):
        return f"{len(trials)} jobs, which returned no number"
    return ""


def commands_after(study: "optuna.Study", here: Places, roles: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the commands that have something to say of a study, each with its purpose.

    Args:
        here: where the study and its runs are.
        roles: which key plays which role.
    """
    name = study.study_name
    yield command("ui", places=here), "browse all runs in MLflow"
    complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    values = {role: {trial.params.get(roles.get(role, "")) for trial in complete} for role in ("lr", "batch_size")}
    if all(len(each) > 1 for each in values.values()):
        yield command("report", name, places=here), "figures, and how the best learning rate moves with the batch size"
    elif len(complete) > 3 and complete[0].params:
        yield command("report", name, places=here), "figures of the search"
    if "seed" in roles:
        yield command("best", name, "--confirm", "5", places=here), "the best again on fresh seeds"
    yield command("reproduce", "best", "--study", name, places=here), "run its job again, and compare"
