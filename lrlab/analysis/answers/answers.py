"""Which questions a study answers, the one that it was swept for first."""

from typing import TYPE_CHECKING

from lrlab.analysis.answers import best, scaling
from lrlab.analysis.answers.answer import Answer
from lrlab.analysis.answers.scaling import Analyses
from lrlab.analysis.runs import LR, Runs
from lrlab.config.command_line import HERE, Places

if TYPE_CHECKING:
    import optuna


def answers(
    study: "optuna.Study", runs: Runs | None, places: Places | None = None, analyses: Analyses | None = None
) -> tuple[Answer, ...]:
    """Return what a study answers, the most pertinent first; `best` is always among them.

    Args:
        study: with trials that have ended.
        runs: of the study, or those that are asked about; None of a sweep that was not recorded.
        places: where the study is, for the commands that are suggested; None: where the runs say.
        analyses: of the scaling of the runs, if they are known already.
    """
    here = places or (runs.places if runs else HERE)
    found = [
        answer for answer in (scaling.answer(study, runs, here, analyses), best.answer(study, runs, here)) if answer
    ]
    if runs and _is_search(runs):  # over several intervals, whose question is which point is best
        found.sort(key=lambda answer: answer.kind != best.KIND)
    return tuple(found)


def _is_search(runs: Runs) -> bool:
    """Return whether something beside the learning rate was swept as an interval."""
    return any("interval(" in shown for key, shown in runs.swept.items() if key != LR)
