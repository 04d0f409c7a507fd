"""``lrlab lecture``: measure it, print the scoreboard, write the page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from lrlab.cli.options import Json, Outputs, Records, TrackingUri
from lrlab.cli.table import WholeTable
from lrlab.config.command_line import OUTPUTS

if TYPE_CHECKING:
    from lrlab.lecture.claims import Claim


def lecture(
    data: Annotated[str, typer.Option(metavar="NAME", help="digits or cifar10")] = "digits",
    outputs: Outputs = OUTPUTS,
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> None:
    """Measure every claim of a lecture on optimization, with figures.

    The lecture is Stanford CS231n, Lecture 2: Regularization and Optimization.

    Takes 2 minutes on digits, 15 on cifar10.

    \b
    examples:
      lrlab lecture --data cifar10                 # writes OUTPUTS/lecture/cifar10.html
      lrlab lecture --json                         # section, claim, expected, measured, holds, verdict, reason
    """
    from lrlab.cli import console
    from lrlab.cli.progress import lecture_progress
    from lrlab.lecture import lecture as measurement
    from lrlab.lecture.chapters.table import CHAPTERS
    from lrlab.lecture.presets import preset
    from lrlab.tracking.artifacts import write

    chosen = preset(data)
    chosen.full_data.verify()
    tracking = Records(outputs, tracking_uri=tracking_uri).tracking(kind="lecture")
    page = outputs / "lecture" / f"{data}.html"
    with tracking.open(str(outputs)) as tracker:
        with lecture_progress(len(CHAPTERS)) as progress:
            measured = measurement.measure(chosen, tracker, progress)
        write(page.parent, {page.name: measured.html().encode()})
        tracker.deliver()
    if as_json:
        console.json_document(measured.to_list())
        return
    console.out().print(scoreboard(measured.claims))
    for line in ending(data, measured.claims):
        console.out().print(line)
    console.out().print(f"run {measured.run_id}")
    console.out().print(f"page with figures: {page}")


def scoreboard(claims: "Sequence[Claim]") -> WholeTable:
    """Return all claims as a table for the terminal."""
    rows = [(f"§ {claim.section}", claim.name, claim.measured, _verdict(claim)) for claim in claims]
    return WholeTable(rows, ("section", "claim", "measured", "verdict"), title="The lecture, measured")


def ending(data: str, claims: "Sequence[Claim]") -> list[Text]:
    """Return the score, then a line with the reason for each claim that does not hold."""
    score = f"{sum(claim.holds for claim in claims)} of {len(claims)} claims hold on {data}"
    failed = [claim for claim in claims if not claim.holds]
    return [
        Text(score, style="bold"),
        *(Text.assemble(_verdict(claim), f": {claim.name} (§ {claim.section}). {claim.reason}") for claim in failed),
    ]


def _verdict(claim: "Claim") -> Text:
    words = {"holds": ("holds", ""), "depends": ("depends", "bold yellow"), "fails": ("does not hold", "bold red")}
    return Text(*words[claim.verdict])
