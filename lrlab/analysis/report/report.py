"""The report of a study: one HTML page that needs nothing else, its figures as PNG files, and the verdict as JSON."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrlab.analysis.answers.answer import Answer
from lrlab.analysis.answers.answers import answers
from lrlab.analysis.answers.scaling import analyse_settings
from lrlab.analysis.report import page, sections
from lrlab.analysis.report.page import Section
from lrlab.analysis.runs import Runs
from lrlab.errors import InputError
from lrlab.plotting.figures import Figure
from lrlab.scaling_law.analysis import ScalingAnalysis
from lrlab.scaling_law.verdict import MIN_BATCH_SIZES
from lrlab.sweeper.objective import objective_of

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True)
class Report:
    """The answers of a study.

    Attributes:
        study: its name.
        parent: id of the sweep's run.
        scaling: the scaling analysis of every setting; empty without two batch sizes.
        sections: in the order of the page.
        answers: the most pertinent first.
    """

    study: str
    parent: str
    scaling: Mapping[str, ScalingAnalysis]
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
        return page.render(f"lrlab: {self.study}", self.sections)


def report(study: "optuna.Study", runs: Runs, tolerance: float = 0.01) -> Report:
    """Analyse and draw all that a study has the data for.

    Args:
        study: for the search itself: history, importance.
        runs: of the study, or those of it that are asked about.
        tolerance: relative loss that a predicted learning rate may cost.

    Raises:
        InputError: all of its trials diverged.
    """
    if not any(math.isfinite(run.loss) for run in runs):
        count = len(runs.runs)
        raise InputError(f"study must have a trial that ended with a finite loss, got {runs.study!r}: {count} diverged")
    built: list[Section | None] = [Section("Left out", paragraphs=(runs.left_out,))] if runs.left_out else []
    found = analyse_settings(runs, tolerance)
    analyses = {label: analysis for label, (analysis, _) in found.items()}
    for label, (analysis, noise) in found.items():
        part = runs.settings()[label]
        built += [sections.scaling_section(part, analysis, noise, label), sections.steps_section(part, label)]
    built.insert(0, sections.settings(runs, analyses))
    built += [
        sections.learning_rates_section(runs),
        sections.warmup_section(runs),
        sections.regularization_section(runs),
    ]
    built.append(_search(study))
    told = answers(study, runs, analyses=found)
    return Report(runs.study, runs.parent, analyses, tuple(section for section in built if section), told)


def _search(study: "optuna.Study") -> Section | None:
    """Return the figures of the search itself; None if too few trials are complete."""
    from lrlab.analysis.report import study_plots

    if not study_plots.can_be_drawn(study):
        return None
    objective = objective_of(study)
    label = f"{objective} (nats)" if objective == "val/loss" else objective
    drawn = [
        ("history", "Objective of every trial in the order of their start, and the best so far.", study_plots.history),
        (
            "importance",
            "Share of each hyperparameter in what tells the best trials from the rest.",
            study_plots.importance,
        ),
        (
            "parallel_coordinates",
            "Each trial as a line, dark where the objective is best.",
            study_plots.parallel_coordinates,
        ),
    ]
    return Section("The search", figures=tuple(Figure(draw(study, label), text, name) for name, text, draw in drawn))
