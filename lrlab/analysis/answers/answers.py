"""Which questions a study answers, the one that it was swept for first."""

from dataclasses import replace
from typing import TYPE_CHECKING

from lrlab.analysis.answers import best, neighbours, optimizers, regularization, scaling, steps_to_target, warmup
from lrlab.analysis.answers.answer import Answer
from lrlab.analysis.answers.scaling import Analyses
from lrlab.analysis.answers.wording import CANNOT_TELL
from lrlab.analysis.runs import LR, Runs
from lrlab.config.command_line import HERE, Places
from lrlab.sweeper.study.state import read_state

if TYPE_CHECKING:
    import optuna


def answers(
    study: "optuna.Study", runs: Runs | None, places: Places | None = None, analyses: Analyses | None = None
) -> tuple[Answer, ...]:
    """Return what a study answers, the most pertinent first; `best` is always among them.

    The first has the question that the sweep's file states, if it states one.

    Args:
        study: with trials that have ended.
        runs: of the study, or those that are asked about; None of a sweep that was not recorded.
        places: where the study is, for the commands that are suggested; None: where the runs say.
        analyses: of the scaling of the runs, if they are known already.
    """
    here = places or (runs.places if runs else HERE)
    asked = [
        neighbours.answer(study, runs, here),
        warmup.answer(study, runs, here),
        regularization.answer(study, runs, here),
        optimizers.answer(study, runs, here),
        steps_to_target.answer(study, runs, here),
        scaling.answer(study, runs, here, analyses),
        best.answer(study, runs, here),
    ]
    found = [answer for answer in asked if answer]
    if runs and _is_search(runs):  # over several intervals: which point is best, and what else it happens to tell
        found = [answer for answer in found if not answer.sentence.startswith(CANNOT_TELL) or answer.kind == best.KIND]
        found.sort(key=lambda answer: answer.kind != best.KIND)
    elif runs and not _has_budget_of_updates(runs):  # the updates to a target were measured by the way
        found.sort(key=lambda answer: (answer.kind == best.KIND, answer.kind == steps_to_target.KIND))
    state = read_state(study)
    if state and state.question:
        found[0] = replace(found[0], question=state.question)
    return tuple(found)


def _is_search(runs: Runs) -> bool:
    """Return whether something beside the learning rate was swept as an interval."""
    return any("interval(" in shown for key, shown in runs.swept.items() if key != LR)


def _has_budget_of_updates(runs: Runs) -> bool:
    return any(isinstance(count, int) for count in runs.values("updates"))
