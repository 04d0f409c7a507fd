"""The report of a table of trials: its settings, what they have in common, and one HTML page of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any

from lrlab.analysis.answers.scaling import QUESTION
from lrlab.analysis.report.evidence import optima_table, scaling_evidence_figures
from lrlab.analysis.report.figures import settings
from lrlab.analysis.report.lead import prose
from lrlab.plotting import page
from lrlab.plotting.page import Card, Fold, Lead, Section
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
        lead: the first screen of the page.
        sections: in its order.
    """

    answer: ScalingAnalysis | PooledAnalysis
    how_read: tuple[str, ...]
    lead: Lead
    sections: tuple[Section, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON: the answer, and how the table was read."""
        return {**self.answer.to_dict(), "how_read": list(self.how_read)}

    def files(self) -> dict[str, bytes]:
        """Return the page, the figures and the answer: name -> content."""
        pictures = {f"{figure.name}.png": figure.png for section in self.sections for figure in section.figures}
        answer = json.dumps(self.to_dict(), indent=2).encode()
        html = page.render(QUESTION, self.sections, self.lead).encode()
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
    read = Section("How the table was read", tuple(map(prose, how_read)))
    if len(analyses) == 1:
        ((analysis, table),) = zip(analyses.values(), tables.values(), strict=True)
        first = _lead(analysis, loss, tables, ())
        return TableReport(analysis, tuple(how_read), first, (_single(analysis, table, loss), read))
    pooled = combine(analyses, by, study=study)
    first = _lead(pooled, loss, tables, by)
    return TableReport(pooled, tuple(how_read), first, (_pooled(pooled), _settings(pooled), read))


def verdict(answer: ScalingAnalysis | PooledAnalysis) -> str:
    """Return the answer as a sentence."""
    return f"{answer.verdict.replace('_', ' ').capitalize()}: {answer.reasons[0]}."


def _lead(answer: ScalingAnalysis | PooledAnalysis, loss: str, tables: Mapping[Any, Table], by: Sequence[str]) -> Lead:
    exponent = answer.to_dict()
    ends, middle = exponent["exponent_ci"], exponent["exponent"]
    cards = []
    if middle is not None:
        note = f"95 % interval {ends[0]:.2f} to {ends[1]:.2f}"
        meaning = (("1", "in proportion to the batch size"), ("1/2", "its square root"), ("0", "no change"))
        cards.append(Card("Exponent of best learning rate ~ batch size ^ p", f"p = {middle:.2f}", note, meaning))
    sizes = sorted({int(size) for table in tables.values() for size in table.batch_size})
    seeds = {str(seed) for table in tables.values() for seed in table.seed}
    rows = (
        ("source", answer.study),
        ("objective", loss),
        ("runs", str(sum(len(table.loss) for table in tables.values()))),
        ("settings", f"{len(tables)}, by {', '.join(by)}" if by else "one"),
        ("batch sizes", ", ".join(map(str, sizes))),
        ("seeds", str(len(seeds))),
        ("made", f"{datetime.now():%Y-%m-%d}, lrlab {version('lrlab')}"),
    )
    return Lead("lrlab, runs that ended elsewhere", verdict(answer), (*cards, Card("What was read", rows=rows)))


def _single(analysis: ScalingAnalysis, table: Table, loss: str) -> Section:
    figures = tuple(scaling_evidence_figures({"": table}, {"": analysis}, loss))
    said = () if figures else ("With every learning rate, a seed diverged: there is no mean loss to draw.",)
    why = Fold("What the verdict rests on", tuple(f"{prose(reason)}" for reason in analysis.reasons))
    title = "Best learning rate against batch size"
    return Section(title, said, figures, optima_table(analysis, loss), verdict(analysis), (why,))


def _pooled(pooled: PooledAnalysis) -> Section:
    figures = []
    if pooled.exponent:
        known = {
            ", ".join(map(str, values)): each.power_law.exponent
            for values, each in pooled.settings.items()
            if each.power_law
        }
        figures.append(settings.exponents(known, pooled))
    if pooled.best_lrs and len(pooled.best_lrs) > 2:
        figures.insert(0, settings.pooled_best_lrs(pooled))
    said = [f"{len(pooled.settings)} settings differ in {', '.join(pooled.by)}."]
    said += [prose(size.describe()) for size in pooled.sizes]
    why = Fold("What the verdict rests on", tuple(map(prose, pooled.reasons)))
    return Section("All settings", tuple(said), tuple(figures), (), verdict(pooled), (why,))


def _settings(pooled: PooledAnalysis) -> Section:
    rows: list[tuple[str, ...]] = [(*pooled.by, "exponent p", "95 % interval", "verdict alone", "why")]
    for values, analysis in list(pooled.settings.items())[:MAX_ROWS]:
        exponent = analysis.power_law.exponent if analysis.power_law else None
        known = (f"{exponent.value:.2f}", "{:.2f} to {:.2f}".format(*exponent.interval())) if exponent else ("", "")
        rows.append((*map(str, values), *known, analysis.verdict.replace("_", " "), analysis.reasons[0]))
    more = len(pooled.settings) - MAX_ROWS
    said = (f"The first {MAX_ROWS}; {more} more are in verdict.json.",) if more > 0 else ()
    return Section("Settings one by one", said, table=tuple(rows))
