"""``lrlab.scaling_law``: how the best learning rate moves with the batch size, from Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrlab.api.html import document, paragraph, picture
from lrlab.plotting.figures import Figure
from lrlab.scaling_law.analysis import ScalingAnalysis

if TYPE_CHECKING:
    from lrlab.analysis.runs import Runs


@dataclass(frozen=True)
class Scaling:
    """The verdict on a table of trainings.

    Attributes:
        analysis: the whole answer.
        table: its rows of batch_size, lr, seed and loss.
    """

    analysis: ScalingAnalysis
    table: Sequence[Mapping[str, Any]]

    @property
    def verdict(self) -> str:
        """Return the rule that holds, such as "linear", or "cannot_tell"."""
        return self.analysis.verdict

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return what the verdict rests on, a sentence each."""
        return self.analysis.reasons

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as JSON: exponent with interval, range in which the linear rule holds, optima."""
        return self.analysis.to_dict()

    def figure(self) -> Figure:
        """Return the best learning rate against the batch size, with the rules."""
        from lrlab.analysis.report.scaling_plots import best_lr_against_batch

        return Figure(best_lr_against_batch(self.analysis), "Best learning rate against batch size, with the rules.")

    def loss_figure(self) -> Figure:
        """Return the loss against the learning rate, for every batch size."""
        from lrlab.analysis.report.scaling_plots import loss_against_lr
        from lrlab.scaling_law.table import read

        return Figure(loss_against_lr(read(self.table), self.analysis.optima, "loss"), "Loss against learning rate.")

    def _repr_html_(self) -> str:
        verdict = self.verdict.replace("_", " ")
        can_be_drawn = any(optimum.curve for optimum in self.analysis.optima)
        drawn = picture(self.figure()) if can_be_drawn else ""
        return document(paragraph(f"{verdict}: {'; '.join(self.reasons)}"), drawn)


def of_runs(runs: "Runs") -> Scaling:
    """Return the verdict on the runs of one setting.

    Raises:
        InputError: they are of several settings, or have fewer than two batch sizes.
    """
    from lrlab.analysis.report.sections import analyse_runs
    from lrlab.errors import InputError

    settings = runs.settings()
    if len(settings) > 1:
        raise InputError(f"scaling must be asked of one setting, got {len(settings)}: {'; '.join(settings)}")
    analysis, _ = analyse_runs(runs, 0.01)
    return Scaling(analysis, runs.table())
