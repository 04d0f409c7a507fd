"""The lecture as one HTML page that needs nothing else: the scoreboard, then every chapter with its pictures."""

import base64
from collections.abc import Sequence
from html import escape

from lrlab.analysis.report.report import STYLE
from lrlab.lecture.claims import ChapterResult, Claim

MORE = "td.yes, td.no { font-weight: bold; white-space: nowrap } td.yes { color: #0072B2 } td.no { color: #D55E00 }"
LABELS = {True: '<td class="yes">&#10003; holds</td>', False: '<td class="no">&#10007; does not</td>'}


def page(data: str, claims: Sequence[Claim], sections: Sequence[str], seconds: float, cpu_seconds: float) -> str:
    """The page.

    Args:
        data: the data set's name.
        claims: all of them, for the scoreboard.
        sections: of the chapters, as HTML.
        seconds, cpu_seconds: what measuring it took.
    """
    title = f"The lecture, measured on {escape(data)}"
    held = sum(claim.holds for claim in claims)
    summary = (
        f'<p class="verdict">{held} of {len(claims)} claims hold here. What was expected of each was written down '
        f"before it was measured. It took {seconds:.0f} s ({cpu_seconds:.0f} s of processor time).</p>"
    )
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = "\n".join([f"<h1>{title}</h1>", summary, table(claims), *sections])
    head += f"<style>{STYLE}{MORE}</style>"
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}</body></html>\n'


def section(title: str, finding: ChapterResult, seconds: float, cpu_seconds: float) -> str:
    """One chapter."""
    pictures = [
        f'<figure><img alt="{escape(picture.caption)}" src="data:image/png;base64,'
        f'{base64.b64encode(picture.png).decode()}"><figcaption>{escape(picture.caption)}</figcaption></figure>'
        for picture in finding.figures
    ]
    took = f"<p><small>{seconds:.1f} s, {cpu_seconds:.1f} s of processor time</small></p>"
    return "\n".join([f"<h2>{escape(title)}</h2>", table(finding.claims), *pictures, took])


def table(claims: Sequence[Claim]) -> str:
    """Claims as a table."""
    rows = [
        f"<tr><td>{escape(claim.claim)}</td><td>{escape(claim.expected)}</td><td>{escape(claim.measured)}</td>"
        f"{LABELS[claim.holds]}</tr>"
        for claim in claims
    ]
    return f"<table><tr><th>claim</th><th>expected</th><th>measured</th><th></th></tr>{''.join(rows)}</table>"
