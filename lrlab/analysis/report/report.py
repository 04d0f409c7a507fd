"""The report of a study: one HTML page that needs nothing else, its figures as PNG files, and the verdict as JSON."""

import base64
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lrlab.analysis.report import sections
from lrlab.analysis.report.sections import Section
from lrlab.analysis.runs import LR, Runs
from lrlab.analysis.scaling.analysis import ScalingAnalysis
from lrlab.analysis.scaling.verdict import MIN_BATCH_SIZES
from lrlab.errors import InputError

if TYPE_CHECKING:
    import optuna

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #111 }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2.5rem; border-bottom: 1px solid #bbb }
figure { margin: 1.5rem 0; break-inside: avoid } img { max-width: 100% } figcaption { font-size: .9rem; color: #444 }
table { border-collapse: collapse; font-size: .9rem } th, td { text-align: left; padding: .2rem .8rem .2rem 0;
border-bottom: 1px solid #ddd; vertical-align: top } .verdict { border-left: .4rem solid #0072B2; padding-left: 1rem }
"""


@dataclass(frozen=True)
class Report:
    """What a study says.

    Attributes:
        study: its name.
        parent: id of the sweep's run.
        scaling: the scaling analysis of every setting; empty without two batch sizes.
        sections: in the order of the page.
    """

    study: str
    parent: str
    scaling: Mapping[str, ScalingAnalysis]
    sections: tuple[Section, ...]

    def verdict(self) -> dict[str, Any]:
        """The answer as JSON. Several settings have no answer in common, unless there is but one of them.

        Raises:
            InputError: fewer than two batch sizes were tried.
        """
        if not self.scaling:
            raise InputError(f"study must have at least two batch sizes for a verdict, got {self.study!r}")
        if len(self.scaling) == 1:
            (found,) = self.scaling.values()
            return found.to_dict()
        each = [f"{label}: {one.verdict} ({one.reasons[0]})" for label, one in self.scaling.items()]
        reasons = (f"{len(each)} settings were swept; --where KEY=VALUE asks for one of them", *each)
        return ScalingAnalysis(self.study, (), None, None, (), None, None, "cannot_tell", reasons).to_dict()

    def files(self) -> dict[str, bytes]:
        """Every file by its name."""
        pictures = {f"{figure.name}.png": figure.png for section in self.sections for figure in section.figures}
        answer = {"verdict.json": json.dumps(self.verdict(), indent=2).encode()} if self.scaling else {}
        return {"index.html": self.page().encode(), **pictures, **answer}

    def page(self) -> str:
        """One self-contained HTML page."""
        body = "\n".join(_section(section) for section in self.sections)
        title = html.escape(f"lrlab: {self.study}")
        head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
        body = f"<h1>{title}</h1>\n{body}"
        return (
            f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n<body>{body}</body></html>\n'
        )


def report(study: "optuna.Study", runs: Runs, tolerance: float = 0.01) -> Report:
    """Analyse and draw everything a study has the data for.

    Args:
        study: for the search itself: history, importance.
        runs: of the study, or those of it that are asked about.
        tolerance: relative loss that a predicted learning rate may cost.

    Raises:
        InputError: the study answers none of the report's questions.
    """
    built: list[Section | None] = []
    found: dict[str, ScalingAnalysis] = {}
    if len(runs.values("batch_size")) > 1 and runs.values(LR):
        groups = runs.settings()
        least = 2 if len(groups) == 1 else MIN_BATCH_SIZES  # one of several must be able to tell
        for label, part in groups.items():
            if len(part.values("batch_size")) >= least:
                found[label], noise = sections.analyse_runs(part, tolerance)
                built += [
                    sections.scaling_section(part, found[label], noise, label),
                    sections.steps_section(part, label),
                ]
        built.insert(0, sections.settings(runs, found))
    built += [
        sections.learning_rates_section(runs),
        sections.warmup_section(runs),
        sections.regularization_section(runs),
    ]
    if not any(built):
        sizes = ", ".join(map(str, runs.values("batch_size"))) or "no batch size"
        raise InputError(
            f"study {runs.study!r} answers none of the report's questions: it has {sizes} as its batch_size "
            "and sweeps neither learning rates nor warmup nor lambda"
        )
    built.append(_search(study))
    return Report(runs.study, runs.parent, found, tuple(section for section in built if section))


def _search(study: "optuna.Study") -> Section | None:
    """What Optuna draws of the search itself."""
    from lrlab.analysis.report import study_plots

    if not study_plots.can_be_drawn(study):
        return None
    objective = "val/accuracy" if study.direction.name == "MAXIMIZE" else "val/loss (nats)"
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
    made = tuple(sections.Figure(name, caption, draw(study, objective)) for name, caption, draw in drawn)
    return Section("The search", ("Drawn by Optuna.",), made)


def _section(section: Section) -> str:
    verdict = section.paragraphs and section.paragraphs[0].startswith("Verdict")
    parts = [f"<h2>{html.escape(section.title)}</h2>"]
    for index, paragraph in enumerate(section.paragraphs):
        parts.append(f"<p{' class=verdict' if verdict and index == 0 else ''}>{html.escape(paragraph)}</p>")
    if section.table:
        head, *rows = section.table
        cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
        lines = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
        parts.append(f"<table><tr>{cells}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>")
    for figure in section.figures:
        data = base64.b64encode(figure.png).decode()
        caption = html.escape(figure.caption)
        image = f'<img src="data:image/png;base64,{data}" alt="{caption}">'
        parts.append(f"<figure>{image}<figcaption>{caption}</figcaption></figure>")
    return "\n".join(parts)
