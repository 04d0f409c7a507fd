"""``lrlab.study`` and ``lrlab.sweep``: a study and what it found, from Python."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrlab.api.html import document, paragraph, table

if TYPE_CHECKING:
    import optuna
    import pandas as pd

    from lrlab.analysis.answers.answer import Answer
    from lrlab.analysis.runs import Runs
    from lrlab.api.scaling import Scaling
    from lrlab.cli.options import Records
    from lrlab.commands.best import Best
    from lrlab.commands.studies import StudySummary


@dataclass(frozen=True)
class Study:
    """A study on record. What it says is read when it is asked for, so that a sweep may be watched.

    Attributes:
        name: of the study.
        records: where it and its runs are.
    """

    name: str
    records: "Records"

    def summary(self) -> "StudySummary":
        """Return what was swept, how far it is, and its best configuration."""
        from lrlab.commands.studies import summary

        return summary(self._optuna)

    def trials(self) -> "pd.DataFrame":
        """Return a row for every trial: its outcome, its objective, and every swept value."""
        import pandas as pd

        from lrlab.commands.studies import trial_table

        return pd.DataFrame(trial_table(self._optuna)).set_index("trial")

    def runs(self) -> "pd.DataFrame":
        """Return a row for every trial that ended: its whole configuration, and every metric of its last epoch.

        Raises:
            InputError: none has ended, or their runs cannot be read.
        """
        import pandas as pd

        with self._runs() as found:
            rows = [
                {"trial": run.trial, "run_id": run.run_id, "diverged": run.diverged, **run.params} | dict(run.latest)
                for run in found
            ]
        return pd.DataFrame(rows).set_index("trial").sort_index()

    def best(self) -> "Best":
        """Return the best configuration, by its mean over the seeds.

        Raises:
            InputError: there is none yet.
        """
        from lrlab.commands.best import best

        with self.records.tracker(self._optuna) as tracker:
            return best(self._optuna, tracker)

    def answers(self) -> "tuple[Answer, ...]":
        """Return what the study answers, in sentences and numbers, the question that it was swept for first.

        Raises:
            InputError: no trial has ended, or their runs cannot be read.
        """
        from lrlab.analysis.answers.answers import answers

        with self._runs() as found:
            return answers(self._optuna, found)

    def scaling(self, **where: Any) -> "Scaling":
        """Return how the best learning rate moves with the batch size.

        Args:
            where: values of configuration keys, for one of several settings: `scaling(**{"optimizer": "adam"})`.

        Raises:
            InputError: there are no two batch sizes, or no run has such values.
        """
        from lrlab.api.scaling import of_runs

        with self._runs() as runs:
            return of_runs(runs.only({key: str(value) for key, value in where.items()}))

    def report(self) -> Path:
        """Write the report; return the path of its page.

        Raises:
            InputError: there is nothing to report.
        """
        from lrlab.commands.report import publish

        with self.records.tracker(self._optuna) as tracker:
            return publish(self._optuna, tracker, self.records, {})[1]

    def _repr_html_(self) -> str:
        found = self.summary()
        rows = {"trials": f"{found.trials.done} of {found.trials.total} done", **found.swept}
        best = "" if found.best is None else paragraph(f"best objective {found.best:.4g}: {found.params}")
        return document(paragraph(f"study {self.name}"), table(rows), best)

    @cached_property
    def _optuna(self) -> "optuna.Study":
        return self.records.study(self.name)

    @contextmanager
    def _runs(self) -> Iterator["Runs"]:
        """Open the runs, whose histories are read where they are needed."""
        from lrlab.analysis.job_runs import read_runs

        with self.records.tracker(self._optuna) as tracker:
            yield read_runs(self._optuna, tracker, self.records)


def study(
    name: str | None = None,
    *,
    outputs: str | Path = "outputs",
    storage: str | None = None,
    tracking_uri: str | None = None,
) -> Study:
    """Return a study on record; without a name, the newest.

    Args:
        outputs: the output directory.
        storage: of the studies, if they are not in `outputs`.
        tracking_uri: of MLflow, if it is not in `outputs`.

    Raises:
        InputError: there is none.
    """
    from lrlab.cli.options import Records

    records = Records(Path(outputs), storage, tracking_uri)
    return Study(records.study(name).study_name, records)


def sweep(name: str, *overrides: str) -> Study:
    """Search hyperparameters, as ``lrlab sweep`` does, to the end; return the study.

    Args:
        name: of a sweep: a file of ./sweeps/, or one that ships.
        overrides: of Hydra's grammar, such as "data=cifar10" or "hydra.sweeper.n_trials=20".

    A sweep that reached its time limit is a study, too; a line says how many trials are left.

    Raises:
        InputError: something given cannot be used, and nothing has been written; or too many trials failed.
    """
    from lrlab.cli import hydra_app
    from lrlab.cli.options import Records
    from lrlab.sweeper.trials_left import TrialsLeft

    command = hydra_app.sweep_command(name, overrides)
    with hydra_app.composed(command) as config:
        places = Records(Path(config.outputs), config.hydra.sweeper.storage, config.tracking.get("uri"))
    try:
        name = hydra_app.run(command)
    except TrialsLeft as end:
        name = end.study
    return Study(name, places)
