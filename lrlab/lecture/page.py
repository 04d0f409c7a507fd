"""The lecture as one HTML page: the score, a scoreboard that links to every claim, then chapter by chapter."""

import re
from collections.abc import Sequence

from lrlab.lecture.chapters.table import Chapter
from lrlab.lecture.claims import COURSE, LECTURE, ChapterResult, Claim, Verdict
from lrlab.plotting.page import Card, Lead, Link, Section, Statement, render

VERDICTS: dict[Verdict, str] = {"holds": "✓ holds", "depends": "◐ depends", "fails": "✗ does not hold"}


def page(
    data: str, chapters: Sequence[tuple[Chapter, ChapterResult]], seconds: float, cpu_seconds: float, run_id: str
) -> str:
    """Return the page.

    Args:
        data: the data set's name.
        chapters: with their results, in their order.
        seconds, cpu_seconds: what measuring it took.
        run_id: of the parent run.
    """
    claims = [claim for _, result in chapters for claim in result.claims]
    counts = {verdict: sum(claim.verdict == verdict for claim in claims) for verdict in VERDICTS}
    score = Card(
        "Score",
        f"{counts['holds']} of {len(claims)}",
        "claims hold as they are stated",
        tuple((words, str(counts[verdict])) for verdict, words in VERDICTS.items()),
    )
    source = Card(
        "Which lecture",
        rows=(
            ("course", COURSE),
            ("lecture", LECTURE),
            ("§", "the section of the lecture's notes that makes the claim"),
        ),
    )
    how = Card(
        "How it was measured",
        rows=(
            ("data", data),
            ("verdicts", "what would confirm a claim was written down before it was measured"),
            ("depends", "does not hold as stated, but for a part of what was measured, which is named"),
            ("time", f"{seconds:.0f} s ({cpu_seconds:.0f} s of processor time)"),
            ("run", run_id),
        ),
    )
    lead = Lead(f"{COURSE}. {LECTURE}.", summary(data, claims), (score, source, how))
    sections = [Section("Scoreboard", table=scoreboard(claims)), *(section(*each) for each in chapters)]
    return render(f"What of the lecture holds on {data}?", sections, lead)


def summary(data: str, claims: Sequence[Claim]) -> str:
    """Return the score in a sentence or a few, with the names of the claims that do not hold."""
    sentences = [f"{sum(claim.holds for claim in claims)} of {len(claims)} claims hold on {data}."]
    for verdict, one, many in (
        ("depends", "depends on a condition", "depend on a condition"),
        ("fails", "does not hold", "do not hold"),
    ):
        if names := [claim.name for claim in claims if claim.verdict == verdict]:
            sentences.append(f"{len(names)} {one if len(names) == 1 else many}: {'; '.join(names)}.")
    return " ".join(sentences)


def scoreboard(claims: Sequence[Claim]) -> tuple[tuple[str, ...], ...]:
    """Return a row for each claim, under the names of the columns; its name leads to its place."""
    rows = [
        (f"§\u00a0{claim.section}", Link(claim.name, anchor(claim)), claim.measured, VERDICTS[claim.verdict])
        for claim in claims
    ]
    return (("section", "claim", "measured", "verdict"), *rows)


def section(chapter: Chapter, result: ChapterResult) -> Section:
    """Return the section of one chapter."""
    return Section(
        f"{chapter.title} (§\u00a0{chapter.number})",
        figures=result.figures,
        statements=tuple(map(statement, result.claims)),
    )


def statement(claim: Claim) -> Statement:
    """Return a claim at its place."""
    rows = [("expected", claim.expected), ("measured", claim.measured)]
    if claim.reason:
        rows.append(("why not", claim.reason))
    if claim.condition:
        rows.append(("holds" if claim.verdict == "depends" else "would hold", claim.condition))
    source = f"CS231n, Lecture 2, §\u00a0{claim.section}"
    return Statement(anchor(claim), claim.claim, source, VERDICTS[claim.verdict], tuple(rows))


def anchor(claim: Claim) -> str:
    """Return the id of a claim's place on the page."""
    return "claim-" + re.sub(r"\W+", "-", claim.name.lower()).strip("-")
