"""The sections of a report: one for each answer with its figures, the search, and what it all rests on."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lrlab.analysis.answers import (
    best,
    neighbours,
    optimizers,
    regularization,
    scaling,
    steps_to_target,
    warmup,
)
from lrlab.analysis.answers.answer import Answer
from lrlab.analysis.answers.scaling import Analyses
from lrlab.analysis.answers.wording import CANNOT_TELL
from lrlab.analysis.report.evidence import (
    Evidence,
    best_evidence,
    learning_rates_evidence,
    neighbours_evidence,
    objective_label,
    optimizers_evidence,
    regularization_evidence,
    scaling_evidence,
    steps_evidence,
    warmup_evidence,
)
from lrlab.analysis.report.figures import search
from lrlab.analysis.report.lead import prose
from lrlab.analysis.runs import Runs
from lrlab.plotting.page import Command, Fold, Section

if TYPE_CHECKING:
    import optuna

MAX_DETAILS = 3  # sentences of an answer above its figures; further ones are folded
MAX_VERDICT = 300  # letters of a sentence that can be taken in


def sections(study: "optuna.Study", runs: Runs, answers: Sequence[Answer], analyses: Analyses) -> Iterator[Section]:
    """Yield all that a study has the data for, in the order of its answers."""
    kinds = {answer.kind for answer in answers}
    evidence: dict[str, Evidence | None] = {
        neighbours.KIND: neighbours_evidence(runs),
        warmup.KIND: warmup_evidence(runs),
        regularization.KIND: regularization_evidence(runs),
        optimizers.KIND: optimizers_evidence(runs),
        steps_to_target.KIND: steps_evidence(runs, analyses),
        scaling.KIND: scaling_evidence(runs, analyses) if scaling.KIND in kinds else None,
        best.KIND: best_evidence(study, has_own_figures=bool(kinds - {best.KIND, scaling.KIND})),
        "learning_rates": learning_rates_evidence(runs),
    }
    for index, answer in enumerate(answers):
        yield _answered(answer, evidence.pop(answer.kind, None) or Evidence(answer.question), is_first=index == 0)
    yield from (_section(each) for each in evidence.values() if each and (each.figures or each.table))
    if searched := search_section(study, answers):
        yield searched
    yield details_section(runs)


def _answered(answer: Answer, found: Evidence, *, is_first: bool) -> Section:
    """Return the section of an answer; what the first screen says already is not said again."""
    details, folds, verdict = tuple(map(prose, answer.details)), found.folds, prose(answer.sentence)
    if len(verdict) > MAX_VERDICT:
        verdict, details = found.summary or verdict, (verdict, *details)
    if answer.sentence.startswith(CANNOT_TELL):
        shown, folded, about = details[:0], details, "Why it cannot be told"
    elif found.summary:
        shown, folded, about = details[:0], details, "The answers one by one"
    else:
        shown, folded, about = details[:MAX_DETAILS], details[MAX_DETAILS:], "Further details"
    if folded:
        folds = (Fold(about, folded), *folds)
    steps = [Command(step.command, step.purpose) for step in answer.next_steps]
    return Section(
        title=found.title,
        verdict="" if is_first else verdict,
        paragraphs=(*shown, *found.paragraphs),
        figures=found.figures,
        table=found.table,
        folds=folds,
        commands=() if is_first else tuple(step for step in steps if not step.line.startswith("lrlab report")),
    )


def _section(found: Evidence) -> Section:
    return Section(found.title, found.paragraphs, found.figures, found.table, folds=found.folds)


def search_section(study: "optuna.Study", answers: Sequence[Answer]) -> Section | None:
    """Return the figures of the search itself; None if too few trials are complete."""
    if not search.can_be_drawn(study):
        return None
    objective = objective_label(study)
    found = (answer.values.get("importance", {}) for answer in answers if answer.kind == best.KIND)
    shares: dict[str, float] = next(found, {})
    drawn = (
        search.objective_by_key(study, objective),
        search.importance(shares, objective),
        search.history(study, objective),
    )
    return Section("The search", figures=tuple(figure for figure in drawn if figure))


def details_section(runs: Runs) -> Section:
    """Return what was left out, and the configuration that the runs have in common."""
    first, *others = runs.runs
    same = {key: value for key, value in first.params.items() if all(run.params.get(key) == value for run in others)}
    table = (("key", "value"), *((runs.names.get(key, key), str(value)) for key, value in sorted(same.items())))
    folds = [Fold(f"Configuration that all {len(runs.runs)} runs have in common", (), table)] if same else []
    swept = tuple((runs.names.get(key, key), shown) for key, shown in runs.swept.items())
    if swept:
        folds.append(Fold("Search space", (), (("key", "definition"), *swept)))
    said = (runs.left_out,) if runs.left_out else ("Nothing was left out: every trial that came to its end counts.",)
    return Section("What it rests on", said, folds=tuple(folds))
