"""The report of a study: one HTML page that needs nothing else, its figures as PNG files, and the verdict as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrlab.analysis.answers.answer import Answer
from lrlab.analysis.answers.answers import answers
from lrlab.analysis.answers.scaling import analyse_settings
from lrlab.analysis.report import lead, sections
from lrlab.analysis.runs import Runs
from lrlab.errors import InputError
from lrlab.plotting import page
from lrlab.plotting.page import Lead, Section
from lrlab.scaling_law.analysis import ScalingAnalysis
from lrlab.scaling_law.verdict import MIN_BATCH_SIZES

if TYPE_CHECKING:
    import optuna

    from lrlab.tracking.tracker import RunRecord


@dataclass(frozen=True)
class Report:
    """The answers of a study.

    Attributes:
        study: its name.
        parent: id of the sweep's run.
        scaling: the scaling analysis of every setting; empty without two batch sizes.
        question: the heading of the page.
        lead: its first screen.
        sections: in the order of the page.
        answers: the most pertinent first.
    """

    study: str
    parent: str
    scaling: Mapping[str, ScalingAnalysis]
    question: str
    lead: Lead
    sections: tuple[Section, ...]
    answers: tuple[Answer, ...] = ()

    def verdict(self) -> dict[str, Any]:
        """Return the answer as JSON. Several settings have no answer in common, unless there is but one of them.

        Raises:
            InputError: too few batch sizes were tried.
        """
        if not self.scaling:
            several = f"or {MIN_BATCH_SIZES} in one of several settings"
            raise InputError(f"study must have at least two batch sizes for a verdict, {several}, got {self.study!r}")
        if len(self.scaling) == 1:
            (analysis,) = self.scaling.values()
            return analysis.to_dict()
        answers = [f"{label}: {analysis.verdict} ({analysis.reasons[0]})" for label, analysis in self.scaling.items()]
        reasons = (f"{len(answers)} settings were swept; --where KEY=VALUE asks for one of them", *answers)
        return ScalingAnalysis(study=self.study, verdict="cannot_tell", reasons=reasons).to_dict()

    def files(self) -> dict[str, bytes]:
        """Return the page, the figures and, if there is one, the verdict: name -> content."""
        pictures = {f"{figure.name}.png": figure.png for section in self.sections for figure in section.figures}
        answer = {"verdict.json": json.dumps(self.verdict(), indent=2).encode()} if self.scaling else {}
        return {"index.html": self.page().encode(), **pictures, **answer}

    def page(self) -> str:
        """Return one self-contained HTML page."""
        return page.render(self.question, self.sections, self.lead)


def report(study: "optuna.Study", runs: Runs, tolerance: float = 0.01, records: "Sequence[RunRecord]" = ()) -> Report:
    """Analyse and draw all that a study has the data for.

    Args:
        study: for the search itself: history, importance.
        runs: of the study, or those of it that are asked about.
        tolerance: relative loss that a predicted learning rate may cost.
        records: of the sweep and of one of its runs, for commit and versions.

    Raises:
        InputError: all of its trials diverged.
    """
    if not any(math.isfinite(run.loss) for run in runs):
        count = len(runs.runs)
        raise InputError(f"study must have a trial that ended with a finite loss, got {runs.study!r}: {count} diverged")
    analyses = analyse_settings(runs, tolerance)
    found = answers(study, runs, analyses=analyses)
    return Report(
        study=runs.study,
        parent=runs.parent,
        scaling={label: analysis for label, (analysis, _) in analyses.items()},
        question=found[0].question,
        lead=lead.lead(study, runs, found, records),
        sections=tuple(sections.sections(study, runs, found, analyses)),
        answers=found,
    )
