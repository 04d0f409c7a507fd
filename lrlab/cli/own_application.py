"""A task function of somebody's own as the application of a sweep; imported by every worker, unlike its end."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lrlab.errors import RecordsLeftError
from lrlab.sweeper.job_tracking import job_tracking, parent_run, places, untold
from lrlab.sweeper.runners.hydra_job import JobApplication
from lrlab.sweeper.study.queue import TrialCounts

if TYPE_CHECKING:
    import optuna

    from lrlab.sweeper.runners.protocols import Sweep
    from lrlab.sweeper.study.state import SweepState


@dataclass(frozen=True)
class OwnApplication(JobApplication):
    """A task function of somebody's own, whose sweeps end as those of lrlab's own trainer do."""

    def on_nothing_left(self, sweep: "Sweep", study: "optuna.Study") -> "SweepState | None":
        """Say how to see what was found; it is worked out again for another question, or with other roles."""
        from lrlab.cli import console
        from lrlab.sweeper import sweep_run

        before, now, tracking = sweep.state, self.state_of(sweep), job_tracking(sweep.config, sweep.state)
        if before is None or not before.run_id or tracking is None or parent_run(sweep.config):
            return None
        if (before.question, before.roles) != (now.question, now.roles):
            return None
        here = places(sweep.config)
        with tracking.open() as tracker:
            if not sweep_run.has_ended(study, tracker, before.run_id):
                return None
            sweep_run.close_runs(study, tracker, before.run_id, here)
        console.nothing_left(sweep.study, here)
        return now

    def on_sweep_end(
        self, sweep: "Sweep", state: "SweepState", study: "optuna.Study", error: BaseException | None
    ) -> None:
        """Close the run of the sweep, and say what was found."""
        from lrlab.cli import console
        from lrlab.cli.own_application_end import show_end

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
            show_end(study, job_tracking(sweep.config, state), here, self.roles(sweep))
        if left:
            raise left
