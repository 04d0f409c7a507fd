"""What the lecture says at its end."""

import io

from rich.console import Console

from lrlab.cli.lecture import ending, scoreboard
from tests.lecture.made_up import CLAIMS, DEPENDS, FAILED, HELD, UNEXPLAINED


def test_the_scoreboard_has_a_row_for_each_claim() -> None:
    file = io.StringIO()
    Console(file=file, width=80, markup=False).print(scoreboard([HELD, DEPENDS]))
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in file.getvalue().splitlines() if "│" in line]
    assert rows == [["§ 2.2", "Order", "0.5", "holds"], ["§ 5.8", "Sinks", "some", "depends"]]


def test_it_ends_with_the_score_and_a_line_for_each_claim_that_does_not_hold() -> None:
    assert [line.plain for line in ending("digits", CLAIMS)] == [
        "1 of 4 claims hold on digits",
        "does not hold: Falls (§ 6.4). It rises by 3.",
        "depends: Sinks (§ 5.8). Wood floats.",
        "does not hold: Rests (§ 5.1). Measured: 0.25. Expected: 0.",
    ]
    assert [line.plain for line in ending("mnist", [HELD])] == ["1 of 1 claims hold on mnist"]
    assert all("\n" not in line.plain for line in ending("digits", [FAILED, UNEXPLAINED]))
