"""The picture and the table of the documentation, from the results that are kept."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks import result_files, table
from benchmarks.bench import ROOT
from benchmarks.figures import FIGURES
from benchmarks.plot import draw
from benchmarks.progress import ERR
from benchmarks.result_files import Result

PICTURE = ROOT / "docs" / "pictures" / "benchmarks.png"
PAGE = ROOT / "docs" / "explanation" / "population.md"
BEGIN, END = "<!-- benchmarks: python -m benchmarks plot -->", "<!-- end of benchmarks -->"
SHOWN = ("linear", "mlp", "answer", "verdict", "train", "engine")


def draw_quick(folder: Path) -> None:
    """The picture of quick results, beside them."""
    picture = folder / PICTURE.name
    picture.write_bytes(draw(result_files.load(folder, list(FIGURES))))
    ERR.print(str(picture))


def publish() -> None:
    """Write picture and table of the newest version that was measured into docs/."""
    results = newest()
    PICTURE.write_bytes(draw(results))
    PAGE.write_text(with_table(PAGE.read_text(), results))
    ERR.print(f"{PICTURE}, {PAGE}")


def newest() -> Sequence[Result]:
    folder = result_files.newest()
    return result_files.load(folder, list(FIGURES)) if folder else []


def with_table(page: str, results: Iterable[Result]) -> str:
    """The page with the table of these results."""
    lines = "\n".join(markdown(results))
    return re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: f"{BEGIN}\n\n{lines}\n\n{END}", page, flags=re.S)


def markdown(results: Iterable[Result]) -> list[str]:
    """A row for each measurement with a target, of the figures that are shown."""
    rows = []
    for each in results:
        for row in each.measurements:
            if row.figure in SHOWN and row.met is not None:
                what = f"{row.what} ({each.pinned} kernels)" if each.pinned else row.what
                other = f"{row.against}: {table.samples(row.theirs, row.unit)}" if row.theirs else ""
                cells = what, table.samples(row.ours, row.unit), other, table.result(row), table.target(row)
                rows.append(f"| {' | '.join(cells)} |")
    head = ["| what | lrlab | against | result | target |", "|---|---|---|---|---|"]
    return [*head, *rows] if rows else ["This version has not been measured yet."]
