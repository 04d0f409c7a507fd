"""``lrlab lecture``: measure it, print the scoreboard, write the page."""

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
    """Measure every claim of the lecture, with figures.

    Takes 2 minutes on digits, 15 on cifar10.

    \b
    examples:
      lrlab lecture --data cifar10                 # writes OUTPUTS/lecture/cifar10.html
      lrlab lecture --json                         # claim, expected, measured, holds
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
    held = sum(claim.holds for claim in measured.claims)
    console.out().print(f"{held} of {len(measured.claims)} claims hold on {data}; run {measured.run_id}")
    console.out().print(f"page with figures: {page}")


def scoreboard(claims: "list[Claim]") -> WholeTable:
    """Return all claims as a table for the terminal."""
    verdicts = {True: Text("yes"), False: Text("no", style="bold red")}
    rows = [(claim.claim, claim.expected, claim.measured, verdicts[claim.holds]) for claim in claims]
    headers = ("claim", "expected", "measured", "holds")
    return WholeTable(rows, headers, title="The lecture, measured", show_lines=True)
