"""``lrlab.scaling``: how the best learning rate moves with the batch size, in somebody's table, from Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrlab.api.html import document, paragraph, picture
from lrlab.errors import InputError
from lrlab.plotting.figures import Figure
from lrlab.scaling_law.analysis import ScalingAnalysis
from lrlab.scaling_law.settings import PooledAnalysis

if TYPE_CHECKING:
    import pandas as pd

    from lrlab.analysis.runs import Runs
    from lrlab.scaling_law.roles import Role


@dataclass(frozen=True)
class Scaling:
    """The verdict on a table of trainings.

    Attributes:
        answer: of its one setting, or of several that are pooled.
        figures: of the best learning rate against the batch size, and of what it rests on.
        how_read: which column is what, and what was left out: a sentence each.
    """

    answer: ScalingAnalysis | PooledAnalysis
    figures: tuple[Figure, ...]
    how_read: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Return the rule that holds, such as "linear", or "cannot_tell"."""
        return self.answer.verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return what the verdict rests on, a sentence each."""
        return self.answer.reasons

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON: exponent with its interval, rules with their probabilities, optima."""
        return self.answer.to_dict()

    def figure(self) -> Figure:
        """Return the best learning rate against the batch size.

        Raises:
            InputError: no best learning rate is known that could be drawn.
        """
        drawn = [figure for figure in self.figures if figure.name.startswith("best_lr")]
        if not drawn:
            raise InputError(f"there is nothing to draw: {self.reasons[0]}")
        return drawn[0]

    def _repr_html_(self) -> str:
        said = paragraph(f"{self.verdict.replace('_', ' ')}: {'; '.join(self.reasons)}")
        return document(said, *map(picture, self.figures), *map(paragraph, self.how_read))


def scaling(
    trials: "pd.DataFrame | Mapping[str, Sequence[Any]]",
    *,
    lr: str | None = None,
    batch_size: str | None = None,
    loss: str | None = None,
    seed: str | None = None,
    by: Sequence[str] | None = None,
    maximize: bool | None = None,
) -> Scaling:
    """Return how the best learning rate moves with the batch size, as ``lrlab report --from`` does.

    Args:
        trials: a row for every training: a DataFrame, or columns of equal length by name.
        lr, batch_size, loss, seed: names of the columns; None to guess by the usual names.
        by: columns in which settings differ, which are pooled; None for all that vary.
        maximize: whether a larger "loss" is better, as of an accuracy; None to tell by its name.

    Raises:
        InputError: a column is missing or holds what it may not, or there are no two batch sizes.
    """
    from lrlab.analysis.report.table_report import table_report
    from lrlab.tables.columns import Source
    from lrlab.tables.trials import read_trials

    columns = {str(name): [_plain(cell) for cell in trials[name]] for name in trials}
    if len(set(map(len, columns.values()))) > 1:
        raise InputError(f"columns must be equally long, got { ({name: len(c) for name, c in columns.items()}) }")
    named: dict[Role, str | None] = {"lr": lr, "batch_size": batch_size, "loss": loss, "seed": seed}
    given = {role: name for role, name in named.items() if name is not None}
    read = read_trials(Source("table", columns), given, by=by, maximize=maximize)
    made = table_report(read.source, read.settings, read.by, loss=read.loss, how_read=read.how_read)
    return Scaling(made.answer, tuple(figure for section in made.sections for figure in section.figures), made.how_read)


def of_runs(runs: "Runs") -> Scaling:
    """Return the verdict on the runs of one setting of a study.

    Raises:
        InputError: they are of several settings, or have fewer than two batch sizes.
    """
    from lrlab.analysis.answers.scaling import analyse_runs
    from lrlab.analysis.report.evidence import scaling_evidence

    settings = runs.settings()
    if len(settings) > 1:
        raise InputError(f"scaling must be asked of one setting, got {len(settings)}: {'; '.join(settings)}")
    analysis, noise = analyse_runs(runs)
    return Scaling(analysis, scaling_evidence(runs, {next(iter(settings)): (analysis, noise)}).figures)


def _plain(cell: Any) -> Any:
    """Return a number of NumPy's as one of Python's."""
    return cell.item() if hasattr(cell, "item") else cell
