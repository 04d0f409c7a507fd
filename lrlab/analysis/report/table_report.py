"""The report of a table of trials: its settings, what they have in common, and one HTML page of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lrlab.plotting import page
from lrlab.analysis.report import pooled_plots, scaling_plots
from lrlab.plotting.page import Section
from lrlab.analysis.report.sections import optima_table, scaling_figures
from lrlab.plotting.figures import Figure
from lrlab.scaling_law.analysis import ScalingAnalysis, analyse_optima
from lrlab.scaling_law.settings import PooledAnalysis, combine, optima_of
from lrlab.scaling_law.table import Table

MAX_ROWS = 200  # of settings on a page


@dataclass(frozen=True)
class TableReport:
    """The answer of a table.

    Attributes:
        answer: of its one setting, or of several.
        how_read: which column is what, and what was left out: a sentence each.
        sections: in the order of the page.
    """

    answer: ScalingAnalysis | PooledAnalysis
    how_read: tuple[str, ...]
    sections: tuple[Section, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON: the answer, and how the table was read."""
        return {**self.answer.to_dict(), "how_read": list(self.how_read)}

    def files(self) -> dict[str, bytes]:
        """Return the page, the figures and the answer: name -> content."""
        pictures = {f"{figure.name}.png": figure.png for section in self.sections for figure in section.figures}
        answer = json.dumps(self.to_dict(), indent=2).encode()
        html = page.render(f"lrlab: {self.answer.study}", self.sections).encode()
        return {"index.html": html, **pictures, "verdict.json": answer}


def table_report(
    study: str,
    tables: Mapping[tuple[Any, ...], Table],
    by: Sequence[str],
    *,
    loss: str,
    how_read: Sequence[str],
    tolerance: float = 0.01,
) -> TableReport:
    """Analyse and draw the settings of a table.

    Args:
        study: its name.
        tables: values of `by` -> the trials of the setting.
        by: what the settings differ in.
        loss: what the losses are.
        how_read: sentences for the page.
        tolerance: relative loss that a predicted learning rate may cost.
    """
    optima = optima_of(list(tables.values()), rng_seed=0)
    analyses = {
        values: analyse_optima(each, study=study, tolerance=tolerance)
        for values, each in zip(tables, optima, strict=True)
    }
    read = Section("How the table was read", tuple(how_read))
    if len(analyses) == 1:
        ((analysis, table),) = zip(analyses.values(), tables.values(), strict=True)
        return TableReport(analysis, tuple(how_read), (_single(analysis, table, loss), read))
    pooled = combine(analyses, by, study=study)
    return TableReport(pooled, tuple(how_read), (_pooled(pooled), _settings(pooled), read))


def verdict(answer: ScalingAnalysis | PooledAnalysis) -> str:
    """Return the answer as a paragraph."""
    return f"Verdict: {answer.verdict.replace('_', ' ')}. {'; '.join(answer.reasons)}."


def _single(analysis: ScalingAnalysis, table: Table, loss: str) -> Section:
    title = "Best learning rate against batch size"
    if not scaling_plots.can_be_drawn(table):
        said = "With every learning rate, a seed diverged: there is no mean loss to draw."
        return Section(title, (said,), table=optima_table(analysis, loss), verdict=verdict(analysis))
    figures = scaling_figures(table, analysis, "", loss)
    return Section(title, (), figures, optima_table(analysis, loss), verdict(analysis))


def _pooled(pooled: PooledAnalysis) -> Section:
    figures = []
    if pooled.exponent:
        caption = (
            "Exponent of each setting with its 95 % interval, and what they have in common (band), in rising order."
        )
        figures.append(Figure(pooled_plots.exponents(pooled), caption, "exponents"))
    if pooled.best_lrs and len(pooled.best_lrs) > 2:
        caption = (
            "Best learning rate against batch size: each setting (grey), and all of them at their mean level, with "
            "95 % intervals."
        )
        figures.append(Figure(pooled_plots.best_lrs(pooled), caption, "best_lr"))
    said = [f"{len(pooled.settings)} settings differ in {', '.join(pooled.by)}."]
    said += [f"{size.describe()}." for size in pooled.sizes]
    return Section("All settings", tuple(said), tuple(figures), verdict=verdict(pooled))


def _settings(pooled: PooledAnalysis) -> Section:
    rows: list[tuple[str, ...]] = [(*pooled.by, "exponent p", "95 % interval", "verdict alone", "why")]
    for values, analysis in list(pooled.settings.items())[:MAX_ROWS]:
        exponent = analysis.power_law.exponent if analysis.power_law else None
        known = (f"{exponent.value:.2f}", "{:.2f} to {:.2f}".format(*exponent.interval())) if exponent else ("", "")
        rows.append((*map(str, values), *known, analysis.verdict.replace("_", " "), analysis.reasons[0]))
    more = len(pooled.settings) - MAX_ROWS
    said = (f"The first {MAX_ROWS}; {more} more are in verdict.json.",) if more > 0 else ()
    return Section("Settings one by one", said, table=tuple(rows))
