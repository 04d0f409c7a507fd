"""The lecture as one HTML page: the scoreboard, then every chapter with its figures."""

from collections.abc import Sequence

from lrlab.lecture.claims import ChapterResult, Claim
from lrlab.plotting.page import Section, render


def page(data: str, claims: Sequence[Claim], sections: Sequence[Section], seconds: float, cpu_seconds: float) -> str:
    """Return the page.

    Args:
        data: the data set's name.
        claims: all of them, for the scoreboard.
        sections: of the chapters.
        seconds, cpu_seconds: what measuring it took.
    """
    held = sum(claim.holds for claim in claims)
    summary = (
        f"{held} of {len(claims)} claims hold here. What was expected of each was written down before it was measured. "
        f"It took {seconds:.0f} s ({cpu_seconds:.0f} s of processor time)."
    )
    return render(f"The lecture, measured on {data}", [Section("", table=table(claims), verdict=summary), *sections])


def section(title: str, result: ChapterResult, seconds: float, cpu_seconds: float) -> Section:
    """Return the section of one chapter."""
    took = f"{seconds:.1f} s, {cpu_seconds:.1f} s of processor time"
    return Section(title, (took,), result.figures, table(result.claims))


def table(claims: Sequence[Claim]) -> tuple[tuple[str, ...], ...]:
    """Return the claims as rows of cells under column names."""
    rows = [
        (claim.claim, claim.expected, claim.measured, "✓ holds" if claim.holds else "✗ does not") for claim in claims
    ]
    return (("claim", "expected", "measured", ""), *rows)
