"""`lrlab lecture`: measure it, print the scoreboard, write the page."""

import json
from pathlib import Path

from rich.table import Table

from lrlab.cli import console
from lrlab.cli.progress import shown
from lrlab.lecture import lecture
from lrlab.lecture.chapters.table import CHAPTERS
from lrlab.lecture.claims import Claim
from lrlab.lecture.presets import preset
from lrlab.tracking.mlflow import Mlflow


def run(data: str, outputs: Path, tracking_uri: str | None, *, as_json: bool) -> int:
    """Run the lecture on a data set; returns the exit code, 0 whatever holds.

    Raises:
        InputError: the data set has no lecture or is not fetched, or nothing can be written.
    """
    chosen = preset(data)
    chosen.full_data.verify()
    with Mlflow(uri=tracking_uri).open(str(outputs)) as tracker, shown(len(CHAPTERS), console.ERR) as progress:
        measured = lecture.measure(chosen, tracker, progress)
    place = outputs / "lecture" / f"{data}.html"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(measured.html(), encoding="utf-8")
    if as_json:
        print(json.dumps(measured.to_list(), indent=2))
        return 0
    console.OUT.print(scoreboard(measured.claims))
    held = sum(claim.holds for claim in measured.claims)
    console.OUT.print(f"{held} of {len(measured.claims)} claims hold on {data}; run {measured.run_id}")
    console.OUT.print(f"page with figures: {place}")
    return 0


def scoreboard(claims: list[Claim]) -> Table:
    """All claims as a table for the terminal."""
    table = Table("claim", "expected", "measured", "holds", title="The lecture, measured", show_lines=True)
    for claim in claims:
        table.add_row(claim.claim, claim.expected, claim.measured, "yes" if claim.holds else "[bold red]no[/]")
    return table
